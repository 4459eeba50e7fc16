/** Replication slots and the interconnect over HTTP: pages and filters, the one slot that is meant, refusals before anything begins, nodes that do not answer. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';

const plenty = { points: 100_000, seconds: 1 };
let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole({ rateLimits: { read: plenty, node: plenty, write: plenty, login: plenty } });
});
afterAll(() => console.stop());
afterEach(() => {
  console.engine.silentServers = [];
});

const get = (path: string) => console.json(`/api/v1${path}`);
const change = (method: string, path: string, body: object) =>
  console.json(`/api/v1${path}`, { method, role: 'operator', body });
const namesOf = (slots: readonly Wire[]) => slots.map((one) => `${one.group} ${one.node_id} ${one.slot_name}`);

describe('the list of slots', () => {
  it('has all members’ slots, whose they are, and what a change of primary makes of them', async () => {
    const { body } = await get('/replication/slots');
    expect(body.total_count).toBe(body.slots.length);
    const of = (node: string, name: string) =>
      body.slots.find((one: Wire) => one.node_id === node && one.slot_name === name);
    expect(of('node-1', 'audit_feed')).toMatchObject({
      owner: 'user',
      at_switchover: 'follows',
      copies: ['node-2', 'node-3'],
    });
    expect(of('node-2', 'audit_feed')).toMatchObject({ synced: true, at_switchover: 'follows', copies: [] });
    expect(of('node-1', 'wal_archive')).toMatchObject({ at_switchover: 'stays_behind', safe_wal_size: -1 });
    expect(of('node-1', 'rustydb_node_2')).toMatchObject({ owner: 'engine', active: true, at_switchover: 'kept' });
  });

  it('comes in pages that neither repeat nor skip', async () => {
    const all = namesOf((await get('/replication/slots')).body.slots);
    const paged: string[] = [];
    for (let path: string | null = '/replication/slots?limit=2'; path !== null; ) {
      const { body, headers }: { body: Wire; headers: Headers } = await get(path);
      paged.push(...namesOf(body.slots));
      path = /<\/api\/v1([^>]+)>/.exec(headers.get('link') ?? '')?.[1] ?? null;
    }
    expect(paged).toEqual(all);
    expect([...all].sort()).toEqual(all);
  });

  it('is narrowed by group, node, use, kind and owner', async () => {
    const only = async (search: string) => namesOf((await get(`/replication/slots?${search}`)).body.slots);
    expect((await only('group=beta')).every((name) => name.startsWith('beta '))).toBe(true);
    expect((await only('node=node-2')).every((name) => name.startsWith('alpha node-2 '))).toBe(true);
    expect(await only('group=alpha&active=true')).toEqual([
      'alpha node-1 rustydb_node_2',
      'alpha node-1 rustydb_node_3',
    ]);
    expect(await only('node=node-1&owner=user')).toEqual(['alpha node-1 audit_feed', 'alpha node-1 wal_archive']);
    expect(await only('node=node-1&slot_type=logical')).toEqual(['alpha node-1 audit_feed']);
    expect((await get('/replication/slots?node=nowhere')).status).toBe(404);
    expect((await get('/replication/slots?cursor=mine')).status).toBe(400);
  });

  it('names the servers that do not answer, and takes nothing of theirs for gone', async () => {
    console.engine.silentServers = ['node-2'];
    const { body, headers } = await get('/replication/slots?group=alpha');
    expect(headers.get('x-notice')).toBe('Slots of node-2 are missing: PostgreSQL there does not answer');
    expect(body.slots.some((one: Wire) => one.node_id === 'node-2')).toBe(false);
    const missing = await get('/replication/slots/elsewhere?group=alpha');
    expect([missing.status, missing.body.message]).toEqual([
      404,
      'No replication slot elsewhere; node-2 did not answer',
    ]);
  });
});

describe('one slot', () => {
  it('is the primary’s of the first group unless said otherwise', async () => {
    expect((await get('/replication/slots/audit_feed')).body).toMatchObject({ group: 'alpha', node_id: 'node-1' });
    expect((await get('/replication/slots/audit_feed?group=beta')).body.group).toBe('beta');
    expect((await get('/replication/slots/audit_feed?node=node-3')).body.node_id).toBe('node-3');
    const { data } = await console.graphql('{ replicationSlot(name: "no_such") { slot_name } }');
    expect(data.replicationSlot).toBeNull();
  });
});

describe('changing slots', () => {
  it('asks for the plan of exactly what was said', async () => {
    const asked = {
      slot_name: 'feed',
      slot_type: 'logical',
      plugin: 'pgoutput',
      failover: true,
      group: 'beta',
      dry_run: true,
    };
    const { status, body } = await change('POST', '/replication/slots', asked);
    expect([status, body.state, body.kind, body.group]).toEqual([200, 'planned', 'create-slot', 'beta']);
    expect(console.engine.requests.at(-1)!.params).toMatchObject({
      request: {
        kind: 'create-slot',
        group: 'beta',
        slot: { name: 'feed', database: 'app', failover: true, twoPhase: false },
      },
    });
  });

  it.each([
    ['a logical slot without a plugin', { slot_name: 'feed', slot_type: 'logical' }, 'plugin'],
    ['a temporary slot', { slot_name: 'feed', slot_type: 'physical', temporary: true }, 'session'],
    ['a name with capitals', { slot_name: 'Feed', slot_type: 'physical' }, 'slot_name'],
    ['a kind that is none', { slot_name: 'feed', slot_type: 'other' }, 'slot_type'],
  ])('refuses %s', async (_what, asked, word) => {
    const { status, body } = await change('POST', '/replication/slots', asked);
    expect([status, body.code]).toEqual([400, 'INVALID_INPUT']);
    expect(body.message).toContain(word);
  });

  it('drops on the node that holds it, and asks which one where groups share a name', async () => {
    const many = await change('DELETE', '/replication/slots/audit_feed', { dry_run: true });
    expect([many.status, many.body.details.reasons.map((one: Wire) => one.rule)[0]]).toEqual([409, 'slot-is-one']);
    const one = await change('DELETE', '/replication/slots/audit_feed', { group: 'alpha', dry_run: true });
    expect([one.status, one.body.kind, one.body.state]).toEqual([200, 'drop-slot', 'planned']);
    expect(console.engine.requests.at(-1)!.params).toMatchObject({
      request: { kind: 'drop-slot', group: 'alpha', node: 'node-1', name: 'audit_feed' },
    });
    const viewer = await console.json('/api/v1/replication/slots/audit_feed', {
      method: 'DELETE',
      role: 'viewer',
      body: {},
    });
    expect(viewer.status).toBe(403);
  });
});

describe('the interconnect', () => {
  it('is told per node, in sums and as a matrix, from what the links count', async () => {
    const status = (await get('/rac/interconnect/status?node=node-1')).body;
    expect(status).toMatchObject({
      local_node: 'node-1',
      connected_nodes: 4,
      healthy_nodes: ['node-2', 'node-3', 'node-4', 'node-5'],
      down_nodes: [],
    });
    const stats = (await get('/rac/interconnect/stats')).body;
    expect(stats.nodes.length).toBeGreaterThan(2);
    expect(stats.bytes_sent).toBe(5_000_000_000 * 4 * stats.nodes.length);
    const latency = (await get('/rac/interconnect/latency?limit=2')).body;
    expect(latency).toHaveLength(2);
    expect(latency[0]).toMatchObject({ from: 'node-1', to: 'node-2', rtt_us: { p50: 75, p99: 300 } });
    console.engine.silentServers = ['node-2'];
    expect((await get('/rac/interconnect/stats')).body.missing_nodes).toEqual(['node-2']);
    expect((await get('/rac/interconnect/latency')).headers.get('x-notice')).toContain('node-2');
    const { data } = await console.graphql('{ racInterconnectStatus(node: "node-1") { local_node links { peer } } }');
    expect(data.racInterconnectStatus.links).toMatchObject([{ peer: 'node-2' }, {}, {}, {}]);
  });
});
