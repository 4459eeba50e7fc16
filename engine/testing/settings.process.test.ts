/**
 * Settings of a group against a real installation: what a standby must not have lower than its primary, changed through the API and by hand; a value with
 * which no server would start; and that a failed change leaves nothing behind.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { RealCluster } from './real-cluster';

type Refusal = { code: string; message: string; details: { reasons?: { rule: string; measured: string }[] } };

let cluster: RealCluster;
beforeAll(async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'rustydb-settings-')), 'topology.yaml');
  const nodes = '[{ id: s-1 }, { id: s-2 }, { id: s-3 }]';
  writeFileSync(file, `groups:\n  - { name: main, commit_mode: synchronous, nodes: ${nodes} }\n`);
  cluster = await RealCluster.start({ topology: file });
  await cluster.healed();
}, 300_000);
afterAll(() => cluster?.destroy());

/** As the node's superuser, on its own socket: what somebody does by hand. */
async function byHand(node: string, sql: string): Promise<Record<string, unknown>[]> {
  const { superuser } = JSON.parse(readFileSync(join(cluster.dataDirectory, 'secrets', 'postgres.json'), 'utf8'));
  const { port } = await cluster.direct(node);
  const pid = readFileSync(join(cluster.nodeDirectory(node), 'pgdata', 'postmaster.pid'), 'utf8').split('\n');
  const client = new pg.Client({ host: pid[4]!, port, user: 'rustydb', password: superuser, database: 'postgres' });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const setting = async (node: string, name: string) => (await byHand(node, `SHOW ${name}`))[0]![name];
const change = (settings: Record<string, string | null>) =>
  cluster.api<{ id: string } & Refusal>('PUT', '/cluster/groups/main/settings', { settings, reason: 'test' });

async function write(): Promise<void> {
  const client = new pg.Client(await cluster.service('main-rw'));
  await client.connect();
  try {
    await client.query('CREATE TABLE IF NOT EXISTS t (a int)');
    await client.query('INSERT INTO t VALUES (1)');
  } finally {
    await client.end();
  }
}

describe('what a standby must not have lower than the primary', () => {
  it('raised by hand on the primary and restarted in place: standbys restart with enough, commits go on, a switchover works', async () => {
    const primary = await cluster.primary('main');
    const standbys = (await cluster.nodes()).map((node) => node.node_id).filter((id) => id !== primary);
    await byHand(primary, 'ALTER SYSTEM SET max_wal_senders = 30');
    const restart = await cluster.api<{ id: string }>('POST', `/cluster/nodes/${primary}/restart`, { force: true });
    expect((await cluster.operation(restart.body.id, 120_000)).state).toBe('succeeded');
    for (const node of standbys) {
      await pollUntil(async () => ((await setting(node, 'max_wal_senders')) === '30' ? true : undefined), {
        timeoutMs: 90_000,
        intervalMs: 200,
        what: `${node} runs with enough`,
      });
    }
    await cluster.healed(120_000);
    await write();
    const moved = await cluster.api<{ id: string }>('POST', '/cluster/failover', { group: 'main', reason: 'test' });
    expect((await cluster.operation(moved.body.id, 120_000)).state).toBe('succeeded');
    await cluster.healed(120_000);
    await write();
  }, 600_000);

  it('lowered for the group: primary first, standbys once they have replayed it, and a switchover works', async () => {
    const { body } = await change({ max_wal_senders: '20', max_connections: '150' });
    expect(await cluster.operation(body.id, 300_000)).toMatchObject({ state: 'succeeded', error: null });
    for (const { node_id } of await cluster.nodes()) {
      expect([node_id, await setting(node_id, 'max_wal_senders')]).toEqual([node_id, '20']);
      expect([node_id, await setting(node_id, 'max_connections')]).toEqual([node_id, '150']);
    }
    await cluster.healed(120_000);
    const moved = await cluster.api<{ id: string }>('POST', '/cluster/failover', { group: 'main', reason: 'test' });
    expect((await cluster.operation(moved.body.id, 120_000)).state).toBe('succeeded');
    await cluster.healed(120_000);
    await write();
  }, 600_000);
});

describe('a value with which PostgreSQL does not start', () => {
  it.each([
    ['shared_preload_libraries', 'pg_stat_monitor', 'postgres-accepts', 'could not access file "pg_stat_monitor"'],
    ['shared_buffers', '5000GB', 'host-memory', 'of shared memory'],
  ])(
    '%s = %s is refused at once, in its words, and the next change works',
    async (name, value, rule, words) => {
      const { status, body } = await change({ work_mem: '9MB', [name]: value });
      expect([status, body.code]).toEqual([400, 'INVALID_INPUT']);
      expect(body.details.reasons?.[0]).toMatchObject({ rule, measured: expect.stringContaining(words) });
      const next = await change({ work_mem: '8MB' });
      expect((await cluster.operation(next.body.id, 60_000)).state).toBe('succeeded');
      const { body: topology } = await cluster.api<{ groups: { settings: Record<string, string> }[] }>(
        'GET',
        '/cluster/topology',
      );
      expect(topology.groups[0]!.settings).not.toHaveProperty(name);
    },
    120_000,
  );
});

describe('settings that the engine’s own sessions would inherit', () => {
  it('change nothing for it: every node goes on, and there is a way back', async () => {
    const strict = {
      default_transaction_isolation: 'serializable',
      intervalstyle: 'sql_standard',
      bytea_output: 'escape',
    };
    const { body } = await change(strict);
    expect((await cluster.operation(body.id, 60_000)).state).toBe('succeeded');
    await cluster.healed();
    const moved = await cluster.api<{ id: string }>('POST', '/cluster/failover', { group: 'main', reason: 'test' });
    expect((await cluster.operation(moved.body.id, 120_000)).state).toBe('succeeded');
    await cluster.healed(120_000);
    const back = await change(Object.fromEntries(Object.keys(strict).map((name) => [name, null])));
    expect((await cluster.operation(back.body.id, 60_000)).state).toBe('succeeded');
    await cluster.healed();
  }, 400_000);
});
