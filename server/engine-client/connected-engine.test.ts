/** The engine client over real connections: streams, change of leader, loss of the majority. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ClusterView } from '@/engine/cluster/model';
import { EngineConnection } from '@/engine/interconnect/engine-connection';
import type { TcpInterconnect } from '@/engine/interconnect/tcp-interconnect';
import { Mesh, silent, testCluster, testSecret } from '@/engine/interconnect/testing/mesh';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineEvent } from '@/engine/monitoring/model';
import type { ViewItem } from '@/engine/runtime/engine-api';
import { recordedView } from '../testing/recorded-view';
import { ConnectedEngine } from './connected-engine';

const names = ['node-1', 'node-2'] as const;
type Name = (typeof names)[number];

let mesh: Mesh;
let engine: ConnectedEngine;
let leader: Name | null;
const agents = new Map<Name, TcpInterconnect>();
const views = new Map<Name, (item: ViewItem) => void>();
const events = new Map<Name, (item: unknown) => void>();
const askedAfter: (string | null)[] = [];

function viewOf(servedBy: Name, sentence: string): ClusterView {
  const view = recordedView();
  const nodes = view.nodes
    .filter((node) => names.includes(node.record.id as Name))
    .map((node) => {
      const { host, port } = mesh.addresses.get(node.record.id)!;
      return { ...node, record: { ...node.record, host, agentPort: port } };
    });
  return { ...view, nodes, servedBy, sentence, raft: { ...view.raft, leader, hasQuorum: leader !== null } };
}

function serve(name: Name, agent: TcpInterconnect): void {
  const refuseUnlessLeading = () => {
    if (leader !== name) throw new ClusterError('UNAVAILABLE', 'not the leader', { clusterCode: 'CLU_NOT_LEADER' });
  };
  agent.onStream('engine.view.stream', (_payload, _from, push) => {
    refuseUnlessLeading();
    views.set(name, push);
    push({ kind: 'full', view: viewOf(name, `as ${name} sees it`) });
  });
  agent.onStream('engine.event.stream', (payload, _from, push) => {
    refuseUnlessLeading();
    askedAfter.push((payload as { after: string | null }).after);
    events.set(name, push);
  });
  agent.onRequest('engine.view.get', () => {
    refuseUnlessLeading();
    return viewOf(name, `as ${name} sees it`);
  });
  agent.onRequest('engine.view.local', () => viewOf(name, 'local'));
}

function event(id: string): EngineEvent {
  return {
    eventId: id,
    category: 'clustering',
    eventType: 'leader_elected',
    severity: 'info',
    source: 'cluster:raft',
    payload: {},
    timestamp: '2026-01-01T00:00:00.000Z',
  };
}

beforeEach(async () => {
  mesh = new Mesh();
  leader = 'node-1';
  askedAfter.length = 0;
  for (const name of names) agents.set(name, await mesh.node(name));
  for (const [name, agent] of agents) serve(name, agent);
  const seeds = names.map((nodeId) => ({ nodeId, ...mesh.addresses.get(nodeId)! }));
  const options = { kind: 'console', name: 'test', clusterId: testCluster, secret: testSecret, seeds } as const;
  engine = new ConnectedEngine(new EngineConnection({ ...options, logger: silent }), seeds, silent);
  await engine.start();
  await expect.poll(sentence, { timeout: 5000 }).toBe('as node-1 sees it');
});
afterEach(async () => {
  await engine.stop();
  await mesh.stop();
});

function sentence(): string | null {
  try {
    return engine.current().view.sentence;
  } catch {
    return null;
  }
}

it('keeps the view by patches, and tells each change', async () => {
  let changes = 0;
  engine.onView(() => changes++);
  views.get('node-1')!({ kind: 'patch', revision: 2, at: 'now', rest: { sentence: 'patched' } });
  await expect.poll(sentence).toBe('patched');
  expect(changes).toBe(1);
  expect(engine.current()).toMatchObject({ live: true, view: { revision: 2 } });
  expect(engine.current().ageMs).toBeLessThan(1000);
});

it('goes to the new leader although the streams of the old one stay open', async () => {
  await expect.poll(() => events.size).toBe(1);
  events.get('node-1')!({ kind: 'event', event: event('00000001-0000000001') });
  await expect.poll(() => engine.eventsSince('0').length).toBe(1);
  leader = 'node-2';
  await expect.poll(sentence, { timeout: 8000 }).toBe('as node-2 sees it');
  await expect.poll(() => events.has('node-2'), { timeout: 8000 }).toBe(true);
  // The event stream goes on after the last event that was seen.
  expect(askedAfter.at(-1)).toBe('00000001-0000000001');
  // What the deposed node still says no longer counts.
  views.get('node-1')!({ kind: 'patch', revision: 99, at: 'late', rest: { sentence: 'deposed' } });
  events.get('node-2')!({ kind: 'event', event: event('00000002-0000000001') });
  await expect.poll(() => engine.eventsSince('00000001-0000000001').length).toBe(1);
  expect(sentence()).toBe('as node-2 sees it');
  expect(engine.current().live).toBe(true);
});

it('knows no leader any more when no node answers, and keeps what was known', async () => {
  await mesh.stop();
  await expect.poll(() => engine.current().view.raft.leader, { timeout: 8000 }).toBeNull();
  expect(engine.current()).toMatchObject({ live: false, view: { raft: { hasQuorum: false } } });
  expect(engine.current().view.nodes.length).toBeGreaterThan(0);
});

it('falls back to a local view without a leader, and says so', async () => {
  leader = null;
  await expect.poll(sentence, { timeout: 8000 }).toBe('local');
  expect(engine.current()).toMatchObject({ live: false, view: { raft: { hasQuorum: false } } });
});
