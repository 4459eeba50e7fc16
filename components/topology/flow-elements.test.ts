import { describe, expect, it } from 'vitest';
import { buildElements, type ElementInput, same } from './flow-elements';
import { layoutMap } from './layout';
import type { MapLink, MapNode } from './model';

function node(id: string, role: 'primary' | 'standby', lagBytes = 0): MapNode {
  return {
    id,
    group: 'alpha',
    region: 'us-east',
    role,
    status: 'healthy',
    statusReason: '',
    lsn: '0/1',
    lagBytes,
    lagMs: 0,
    cpuPercent: 1,
    connections: 0,
    transactionsPerSecond: 0,
    holdsLease: role === 'primary',
    leadsStore: false,
    replayPaused: false,
    activity: null,
  };
}

const replication: MapLink = {
  from: 'node-1',
  to: 'node-2',
  kind: 'replication',
  state: 'streaming',
  mode: 'quorum',
  lagBytes: 0,
  lagMs: 0,
  bytesPerSecond: 0,
  rttUs: null,
};

function input(overrides: Partial<ElementInput> = {}): ElementInput {
  const nodes = [node('node-1', 'primary'), node('node-2', 'standby'), node('node-3', 'standby')];
  return {
    layout: layoutMap(nodes),
    nodes,
    groups: [
      {
        name: 'alpha',
        primary: 'node-1',
        mode: 'semi_synchronous',
        writable: true,
        planned: false,
        degraded: false,
        sentence: '',
      },
    ],
    links: [replication, { ...replication, kind: 'interconnect', state: 'connected', rttUs: 100 }],
    layers: { replication: true, interconnect: false, services: false },
    selected: null,
    services: null,
    view: 'open',
    ...overrides,
  };
}

describe('elements', () => {
  it('an equal tick reuses every object', () => {
    const first = buildElements(input(), null);
    const second = buildElements(input(), first);
    for (const [index, element] of second.nodes.entries()) expect(element).toBe(first.nodes[index]);
    for (const [index, element] of second.edges.entries()) expect(element).toBe(first.edges[index]);
  });

  it('a changed node is a new object, the others stay', () => {
    const first = buildElements(input(), null);
    const nodes = [node('node-1', 'primary'), node('node-2', 'standby', 4096), node('node-3', 'standby')];
    const second = buildElements(input({ nodes }), first);
    const changed = second.nodes.filter((element) => !first.nodes.includes(element)).map((element) => element.id);
    expect(changed).toEqual(['node-2']);
  });

  it('a failover moves no card', () => {
    const before = buildElements(input(), null);
    const nodes = [node('node-1', 'standby'), node('node-2', 'primary'), node('node-3', 'standby')];
    const after = buildElements(input({ nodes }), before);
    const positions = (elements: typeof before) => elements.nodes.map((element) => [element.id, element.position]);
    expect(positions(after)).toEqual(positions(before));
  });

  it('small boxes stand exactly where the cards stand', () => {
    const cards = buildElements(input(), null).nodes.filter((element) => element.type === 'card');
    const [frame] = buildElements(input({ view: 'small' }), null).nodes.filter((element) => element.type === 'frame');
    for (const card of cards) {
      const place = frame!.data.members.find((member) => member.id === card.id)!.place;
      expect({ x: frame!.position.x + place.x, y: frame!.position.y + place.y }).toEqual(card.position);
    }
  });

  it('the services layer is on the cards of the nodes behind a service', () => {
    const service = { service: 'alpha-rw', kind: 'rw' as const, state: 'active' as const, reason: null, sessions: 4 };
    const services = new Map([['node-1', [service]]]);
    const cards = buildElements(input({ services }), null).nodes.filter((element) => element.type === 'card');
    expect(cards.map((card) => card.data.services)).toEqual([[service], [], []]);
    const [off] = buildElements(input(), null).nodes.filter((element) => element.type === 'card');
    expect(off!.data.services).toBeNull();
  });

  it('only standbys can be dragged', () => {
    const cards = buildElements(input(), null).nodes.filter((element) => element.type === 'card');
    expect(cards.map((element) => [element.id, element.draggable])).toEqual([
      ['node-1', false],
      ['node-2', true],
      ['node-3', true],
    ]);
  });

  it('layers choose the links', () => {
    expect(buildElements(input(), null).edges).toHaveLength(1);
    const both = { replication: true, interconnect: true, services: false };
    expect(buildElements(input({ layers: both }), null).edges).toHaveLength(2);
  });

  it('a small group draws its links itself, inside its frame', () => {
    const { nodes, edges } = buildElements(input({ view: 'small' }), null);
    const [frame] = nodes.filter((element) => element.type === 'frame');
    expect(edges).toHaveLength(0);
    expect(frame!.data.lines.map(({ id, band }) => ({ id, band }))).toEqual([
      { id: 'replication:node-1:node-2', band: 'ok' },
    ]);
    const [x, y] = frame!.data.lines[0]!.path.match(/[\d.]+/g)!.map(Number);
    expect(x).toBeGreaterThan(0);
    expect(x).toBeLessThan(frame!.width!);
    expect(y).toBeLessThan(frame!.height!);
  });

  it('a small group is drawn anew when a link looks otherwise, not when its numbers move', () => {
    const first = buildElements(input({ view: 'small' }), null);
    const frameOf = (elements: typeof first) => elements.nodes.find((element) => element.type === 'frame');
    const moved = buildElements(input({ view: 'small', links: [{ ...replication, lagBytes: 4096 }] }), first);
    expect(frameOf(moved)).toBe(frameOf(first));
    const broken = buildElements(input({ view: 'small', links: [{ ...replication, state: 'disconnected' }] }), first);
    expect(frameOf(broken)).not.toBe(frameOf(first));
  });

  it('links between small groups are one drawing under all frames', () => {
    const far = { ...node('node-4', 'primary'), group: 'beta' };
    const nodes = [...input().nodes, far];
    const layers = { replication: false, interconnect: true, services: false };
    const links: MapLink[] = [{ ...replication, to: 'node-4', kind: 'interconnect', state: 'connected', rttUs: 100 }];
    const elements = buildElements(input({ view: 'small', layout: layoutMap(nodes), nodes, links, layers }), null);
    const meshes = elements.nodes.filter((element) => element.type === 'mesh');
    expect(meshes.flatMap((mesh) => mesh.data.lines.map((line) => line.id))).toEqual(['interconnect:node-1:node-4']);
  });

  it.each(['summary', 'small'] as const)('%s: each group is one element and no link is one', (view) => {
    const elements = buildElements(input({ view }), null);
    expect(elements.edges).toHaveLength(0);
    expect(elements.nodes.filter((element) => element.type === 'card')).toHaveLength(0);
    expect(elements.nodes.filter((element) => element.type === 'frame')).toHaveLength(1);
  });
});

it('compares structure', () => {
  expect(same({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
  expect(same({ a: 1 }, { a: 1, b: undefined })).toBe(false);
  expect(same([1], [2])).toBe(false);
});
