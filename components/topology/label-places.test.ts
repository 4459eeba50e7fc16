import { describe, expect, it } from 'vitest';
import { buildElements } from './flow-elements';
import { boxAt, placeLabels } from './label-places';
import { frameHead, layoutMap } from './layout';
import { labelSize, linkLine } from './link-style';
import type { MapLink, MapNode, Rect } from './model';

const overlap = (a: Rect, b: Rect) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

function nodeOf(id: string, group: string, region: string, primary: boolean): MapNode {
  return {
    id,
    group,
    region,
    role: primary ? 'primary' : 'standby',
    status: 'healthy',
    statusReason: '',
    lsn: '0/1',
    lagBytes: 0,
    lagMs: 0,
    cpuPercent: 1,
    connections: 0,
    transactionsPerSecond: 0,
    holdsLease: primary,
    leadsStore: false,
    replayPaused: false,
    activity: null,
  };
}

/** As the default cluster: groups of `size` over two regions, everybody linked with everybody. */
function cluster(groups: readonly number[]) {
  const nodes: MapNode[] = [];
  for (const [index, size] of groups.entries()) {
    for (let member = 0; member < size; member += 1) {
      const region = member === size - 1 ? 'eu-west' : 'us-east';
      nodes.push(nodeOf(`node-${nodes.length + 1}`, `group-${index}`, region, member === 0));
    }
  }
  const link = (from: MapNode, to: MapNode, kind: MapLink['kind']): MapLink => ({
    from: from.id,
    to: to.id,
    kind,
    state: kind === 'replication' ? 'streaming' : 'connected',
    mode: kind === 'replication' ? 'quorum' : null,
    lagBytes: 0,
    lagMs: 0,
    bytesPerSecond: 0,
    rttUs: 100,
  });
  const replication = nodes.flatMap((to) => {
    const from = nodes.find((one) => one.group === to.group && one.role === 'primary')!;
    return to.role === 'standby' ? [link(from, to, 'replication')] : [];
  });
  const interconnect = nodes.flatMap((from) =>
    nodes.flatMap((to) => (from === to ? [] : [link(from, to, 'interconnect')])),
  );
  return { nodes, replication, links: [...replication, ...interconnect] };
}

function shown({ nodes, links }: Pick<ReturnType<typeof cluster>, 'nodes' | 'links'>) {
  const layout = layoutMap(nodes);
  const names = [...new Set(nodes.map((node) => node.group))];
  const groups = names.map((name) => ({
    name,
    primary: null,
    mode: 'semi_synchronous',
    writable: true,
    planned: false,
    degraded: false,
    sentence: '',
  }));
  const layers = { replication: true, interconnect: true, services: false };
  const input = { layout, nodes, groups, links, layers, selected: null, services: null, view: 'open' as const };
  const { edges } = buildElements(input, null);
  const boxes = edges.flatMap(({ data }) =>
    data?.label ? [{ kind: data.link.kind, box: boxAt(data.label, labelSize[data.link.kind]) }] : [],
  );
  return { layout, input, edges, boxes };
}

describe.each([
  ['the default cluster', [3, 2]],
  ['one group of three', [3]],
  ['three groups of four', [4, 4, 4]],
])('%s', (_name, sizes) => {
  const made = cluster(sizes);
  const { layout, boxes } = shown(made);

  it('every replication link has its label', () => {
    expect(boxes.filter((one) => one.kind === 'replication')).toHaveLength(made.replication.length);
  });

  it('no label overlaps another one, a card or the head of a frame', () => {
    const heads = [...layout.groups.values()].map((frame) => ({ ...frame, height: frameHead }));
    for (const [index, { box }] of boxes.entries()) {
      for (const other of [...layout.nodes.values(), ...heads]) expect(overlap(box, other)).toBe(false);
      for (const other of boxes.slice(index + 1)) expect(overlap(box, other.box)).toBe(false);
    }
  });
});

it('the default cluster shows the round trip of all ten pairs, once each', () => {
  const { boxes, edges } = shown(cluster([3, 2]));
  expect(boxes.filter((one) => one.kind === 'interconnect')).toHaveLength(10);
  const labelled = edges.filter(({ data }) => data?.label && data.link.kind === 'interconnect');
  expect(labelled.every(({ data }) => data?.back !== null)).toBe(true);
});

it('a tick keeps the places, also when the links come in another order', () => {
  const made = cluster([3, 2]);
  const { input, edges } = shown(made);
  const busier = made.links.map((link) => ({ ...link, rttUs: 900, lagBytes: 4096 })).reverse();
  const places = (all: typeof edges) => new Map(all.map((edge) => [edge.id, edge.data?.label ?? null]));
  const again = buildElements({ ...input, links: busier }, null).edges;
  for (const [id, place] of places(edges)) expect(places(again).get(id)).toBe(place);
});

it('what finds no room has no label', () => {
  const line = linkLine({ x: 0, y: 0, width: 10, height: 10 }, { x: 100, y: 0, width: 10, height: 10 });
  const label = { id: 'a', lines: [line], size: { width: 40, height: 10 } };
  expect(placeLabels([label], []).get('a')).toEqual({ x: 55, y: 5 });
  expect(placeLabels([label], [{ x: -500, y: -500, width: 1000, height: 1000 }]).has('a')).toBe(false);
});
