/**
 * Back-to-back switchovers of a whole installation with failover slots: one whose consumer is away all the time, one whose consumer reads and follows the
 * service. Both see each change once, and what would leave a slot behind is refused before anything is touched.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { FeedConsumer } from './feed-consumer';
import { query } from './member-check';
import { RealCluster } from './real-cluster';

const topology = `
cluster_name: slot-switchovers
groups:
  - { name: alpha, nodes: [{ id: a-1 }, { id: a-2 }] }
`;
const reader = { user: 'feed_reader', password: 'reads-the-feed' };
type Slot = { slot_name: string; node_id: string; at_switchover: string };
type Plan = { id: string; error: { reasons: { rule: string; node?: string }[] } | null };

let cluster: RealCluster;
let feed: FeedConsumer | null = null;
let written = 0;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-slots-'));
  writeFileSync(join(directory, 'topology.yaml'), topology);
  cluster = await RealCluster.start({ topology: join(directory, 'topology.yaml') });
  rmSync(directory, { recursive: true });
  await cluster.healed();
  const node = await cluster.primary('alpha');
  const config = JSON.parse(readFileSync(join(cluster.dataDirectory, 'run', `${node}.json`), 'utf8'));
  const secrets = JSON.parse(readFileSync(join(cluster.dataDirectory, 'secrets', 'postgres.json'), 'utf8'));
  const login = { host: config.socketDirectory, port: config.postgresPort, user: 'rustydb' };
  const superuser = { ...login, password: secrets.superuser, database: 'app' };
  await query(superuser, `CREATE ROLE ${reader.user} LOGIN REPLICATION PASSWORD '${reader.password}'`);
  await query(superuser, `GRANT CONNECT ON DATABASE app TO ${reader.user}`);
  await query(await cluster.service('alpha-rw'), 'CREATE TABLE t (n int)');
});
afterAll(async () => {
  await feed?.stop();
  await cluster?.destroy();
});

const until = <T>(what: string, probe: () => Promise<T | undefined>) =>
  pollUntil(probe, { timeoutMs: 60_000, intervalMs: 100, what });
const create = (slot_name: string) =>
  cluster.api('POST', '/replication/slots', {
    group: 'alpha',
    slot_name,
    slot_type: 'logical',
    plugin: 'test_decoding',
    failover: true,
  });
const places = async (name: string) => {
  const { body } = await cluster.api<{ slots: Slot[] }>('GET', '/replication/slots?owner=user');
  return body.slots.filter((slot) => slot.slot_name === name);
};
const plan = async (more: object = {}) =>
  (
    await cluster.api<Plan>('POST', '/cluster/failover', {
      group: 'alpha',
      mode: 'switchover',
      drain_ms: 0,
      dry_run: true,
      ...more,
    })
  ).body;

async function write(): Promise<void> {
  const client = new pg.Client(await cluster.service('alpha-rw'));
  client.on('error', () => undefined);
  await client.connect();
  for (let i = 0; i < 20; i++) await client.query('INSERT INTO t VALUES ($1)', [++written]);
  await client.end();
}

/** As soon as the plan allows it, without a target. */
async function switchOver(): Promise<string> {
  const from = await cluster.primary('alpha');
  await until('a switchover is possible', async () => ((await plan()).error === null ? true : undefined));
  const { body } = await cluster.api<Plan>('POST', '/cluster/failover', {
    group: 'alpha',
    mode: 'switchover',
    drain_ms: 0,
  });
  expect((await cluster.operation(body.id)).state).toBe('succeeded');
  expect(await cluster.primary('alpha')).not.toBe(from);
  return from;
}

/** What a consumer that comes back after all of it gets from the slot. */
async function readAll(slot: string, before = 0): Promise<number[]> {
  const late = new FeedConsumer({
    login: () => cluster.service('alpha-rw').then((at) => ({ ...at, ...reader })),
    slot,
    keyOf,
  });
  await until('it has read everything', async () => (late.taken.size >= written - before ? true : undefined));
  await late.stop();
  expect(late.twice).toEqual([]);
  return [...late.taken].map(Number);
}
const keyOf = (line: string) => /n\[integer\]:(\d+)/.exec(line)?.[1] ?? null;
const everything = () => Array.from({ length: written }, (_one, index) => index + 1);

describe('switchovers one after the other', () => {
  it('keep a slot whose consumer is away, and one whose consumer reads', async () => {
    expect((await create('idle')).status).toBe(201);
    expect((await create('busy')).status).toBe(201);
    const login = async () => ({ ...(await cluster.service('alpha-rw')), ...reader });
    feed = new FeedConsumer({ login, slot: 'busy', keyOf });
    await write();
    for (let i = 0; i < 4; i++) {
      await switchOver();
      await write();
    }
    const consumer = feed;
    await until('the consumer has everything', async () => (consumer.taken.size >= written ? true : undefined));
    expect([...consumer.taken].map(Number)).toEqual(everything());
    expect(consumer.twice).toEqual([]);
    expect(await readAll('idle')).toEqual(everything());
    await feed.stop();
    feed = null;
  });

  it('refuse to leave a slot behind; where an admin lets it, the old primary keeps it and it goes on there', async () => {
    const primary = await cluster.primary('alpha');
    const other = primary === 'a-1' ? 'a-2' : 'a-1';
    // A new copy of the member has nothing that a copy of the idle slot could start from.
    const { body } = await cluster.api<{ id: string }>('POST', `/cluster/nodes/${other}/rejoin`, {
      reclone: true,
      confirm: other,
    });
    expect((await cluster.operation(body.id)).state).toBe('succeeded');
    await cluster.healed();
    await write();
    expect((await plan()).error?.reasons.map((one) => one.rule)).toContain('holds-slot-copies');
    expect((await plan({ target_node: other })).error?.reasons.map((one) => one.rule)).toContain('holds-slot-copies');
    expect((await plan({ allow_slot_loss: true })).error).toBeNull();

    const lossy = { group: 'alpha', mode: 'switchover', drain_ms: 0, allow_slot_loss: true, confirm: 'alpha' };
    const run = await cluster.api<Plan>('POST', '/cluster/failover', lossy);
    expect((await cluster.operation(run.body.id)).state).toBe('succeeded');
    await cluster.healed();
    await until('it is told', async () => {
      const { problems } = await (await cluster.door()).view();
      return problems.some((one) => one.rule === 'slot-not-on-primary' && one.node === primary) || undefined;
    });
    expect((await places('idle')).map((slot) => slot.node_id)).toEqual([primary]);
    await write();
    await switchOver();
    expect(await cluster.primary('alpha')).toBe(primary);
    await write();
    // What it had read before is not sent again.
    const late = await readAll('idle', written - 60);
    expect(late).toEqual(everything().slice(-60));
  });
});
