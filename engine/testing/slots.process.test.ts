/**
 * Slots of users in a whole installation, over its API: made, refused, watched, with consumers that read and one that stands still, through a switchover
 * and the loss of a node. The cluster must go on as if they were not there, and what it says becomes of them must be what becomes of them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { RealCluster } from './real-cluster';
import { SlotConsumer } from './slot-consumer';

type Slot = {
  slot_name: string;
  node_id: string;
  active: boolean;
  synced: boolean;
  owner: string;
  copies: string[];
  at_switchover: string;
  change: string | null;
};
type Refusal = { code: string; message: string; details: { reasons?: { rule: string }[] } };
type Operation = { id: string; result: { pause_ms: number } | null };

const topology = `
cluster_name: slots
groups:
  - { name: alpha, nodes: [{ id: a-1 }, { id: a-2 }, { id: a-3 }] }
`;
const reader = { user: 'feed_reader', password: 'reads-the-feed' };
const slots = '/replication/slots';

let cluster: RealCluster;
let changes: AbortController;
const seen: string[] = [];
const consumers: SlotConsumer[] = [];

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-slots-'));
  const file = join(directory, 'topology.yaml');
  writeFileSync(file, topology);
  cluster = await RealCluster.start({ topology: file });
  // The launcher has read it.
  rmSync(directory, { recursive: true });
  await cluster.healed();
  await asSuperuser(
    await cluster.primary('alpha'),
    `CREATE ROLE ${reader.user} LOGIN REPLICATION PASSWORD '${reader.password}'`,
  );
  await asSuperuser(await cluster.primary('alpha'), `GRANT CONNECT ON DATABASE app TO ${reader.user}`);
  changes = new AbortController();
  void watchChanges();
});
afterAll(async () => {
  changes?.abort();
  for (const consumer of consumers) consumer.close();
  await cluster?.destroy();
});

const secret = (role: string): string =>
  JSON.parse(readFileSync(join(cluster.dataDirectory, 'secrets', 'postgres.json'), 'utf8'))[role];
const replicationLogin = () => ({ user: 'rustydb_repl', password: secret('replication') });

/** The node's own socket: the superuser is nowhere else. */
async function asSuperuser(node: string, text: string): Promise<pg.QueryResult> {
  const config = JSON.parse(readFileSync(join(cluster.dataDirectory, 'run', `${node}.json`), 'utf8'));
  const login = {
    host: config.socketDirectory,
    port: config.postgresPort,
    user: 'rustydb',
    password: secret('superuser'),
  };
  const client = new pg.Client({ ...login, database: 'app' });
  await client.connect();
  return client.query(text).finally(() => client.end());
}

/** `kind name node` of every change that the API tells. */
async function watchChanges(): Promise<void> {
  const headers = { authorization: `Bearer ${cluster.apiKey}`, accept: 'text/event-stream' };
  const response = await fetch(`${cluster.url}/api/v1/replication/slot-changes`, { headers, signal: changes.signal });
  let text = '';
  try {
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      for (const [, data] of text.matchAll(/^data: (\{.*\})$/gm)) {
        const one = JSON.parse(data!) as Slot;
        if (one.change) seen.push(`${one.change} ${one.slot_name} ${one.node_id}`);
      }
      text = text.slice(text.lastIndexOf('\n') + 1);
    }
  } catch {
    // Ended by the test.
  }
}

const told = (what: string) =>
  pollUntil(() => seen.includes(what) || undefined, { timeoutMs: 15_000, intervalMs: 50, what: `"${what}" is told` });
const create = (body: object) => cluster.api<Slot & Refusal>('POST', slots, body);
const list = async (search = 'owner=user') =>
  (await cluster.api<{ slots: Slot[] }>('GET', `${slots}?${search}`)).body.slots;
/** A copy that is not ready is held by PostgreSQL's own worker. */
const inUse = async () => (await list('owner=user&active=true')).filter((slot) => !slot.synced);
const placesOf = async (name: string) =>
  (await list()).filter((slot) => slot.slot_name === name).map((slot) => `${slot.node_id} ${slot.at_switchover}`);
const until = <T>(what: string, probe: () => Promise<T | undefined> | T | undefined) =>
  pollUntil(probe, { timeoutMs: 45_000, intervalMs: 200, what });

async function consume(
  slot: string,
  kind: 'physical' | 'logical',
  options: { node: string | null; frozen?: boolean; from?: string },
) {
  // Only the cluster's own replication login may stream physically; logical consumers are roles of users.
  const login = {
    ...(options.node === null ? await cluster.service('alpha-rw') : await cluster.direct(options.node)),
    ...(kind === 'logical' ? reader : replicationLogin()),
  };
  const consumer = await SlotConsumer.start(login, { slot, kind, ...options });
  consumers.push(consumer);
  return consumer;
}

async function write(text: string): Promise<void> {
  const client = new pg.Client(await cluster.service('alpha-rw'));
  await client.connect();
  await client.query(text).finally(() => client.end());
}

/** Members that were away copy it anew, and keep the copy once its consumer has moved on: here it need not wait for PostgreSQL's own rounds of 15 s. */
async function copiedEverywhere(): Promise<void> {
  await until('every member holds it', async () => {
    await asSuperuser(await cluster.primary('alpha'), 'SELECT pg_log_standby_snapshot()');
    await write('INSERT INTO t VALUES (0)');
    return (await placesOf('feed')).filter((place) => place.endsWith('follows')).length === 3 || undefined;
  });
}

async function switchOver(): Promise<{ readonly from: string; readonly to: string; readonly operation: Operation }> {
  const from = await cluster.primary('alpha');
  const { body } = await cluster.api<{ id: string }>('POST', '/cluster/failover', {
    group: 'alpha',
    mode: 'switchover',
    drain_ms: 0,
  });
  const operation = await cluster.operation(body.id);
  expect(operation.state).toBe('succeeded');
  return { from, to: await cluster.primary('alpha'), operation: operation as unknown as Operation };
}

describe('making slots', () => {
  it('makes a physical one and a logical one that both standbys hold a copy of, and tells so', async () => {
    const primary = await cluster.primary('alpha');
    const archive = await create({ slot_name: 'archive', slot_type: 'physical' });
    expect(archive).toMatchObject({
      status: 201,
      body: { node_id: primary, active: false, owner: 'user', at_switchover: 'stays_behind' },
    });
    const feed = await create({ slot_name: 'feed', slot_type: 'logical', plugin: 'test_decoding', failover: true });
    expect(feed).toMatchObject({
      status: 201,
      body: { at_switchover: 'follows', plugin: 'test_decoding', database: 'app' },
    });
    expect(feed.body.copies).toHaveLength(2);
    await told(`created archive ${primary}`);
    for (const copy of feed.body.copies) await told(`created feed ${copy}`);
    expect(await list('owner=engine')).toHaveLength(6);
  });

  it('refuses what can not be, with the reason', async () => {
    const taken = await create({ slot_name: 'archive', slot_type: 'physical' });
    expect([taken.status, taken.body.details.reasons?.[0]?.rule]).toEqual([409, 'slot-name-taken']);
    expect((await create({ slot_name: 'x', slot_type: 'logical' })).status).toBe(400);
    expect((await create({ slot_name: 'x', slot_type: 'logical', plugin: '/tmp/evil' })).status).toBe(400);
    expect((await create({ slot_name: 'x', slot_type: 'logical', plugin: 'no_such_plugin' })).status).toBe(400);
    expect((await create({ slot_name: 'rustydb_a_2', slot_type: 'physical' })).status).toBe(400);
    const [engines] = await list('owner=engine');
    const kept = await cluster.api<Refusal>('DELETE', `${slots}/${engines!.slot_name}?node=${engines!.node_id}`, {});
    expect([kept.status, kept.body.details.reasons?.[0]?.rule]).toEqual([409, 'slot-is-a-users']);
    const level = { group: 'alpha', settings: { wal_level: 'replica' }, dry_run: true };
    const plan = await cluster.api<{ error: Refusal & { reasons: { rule: string }[] } }>(
      'PUT',
      '/cluster/groups/alpha/settings',
      level,
    );
    expect(plan.body.error.reasons.map((one) => one.rule)).toContain('no-logical-slots');
  });
});

describe('slots in use', () => {
  it('are seen as such, and are not dropped', async () => {
    const primary = await cluster.primary('alpha');
    const consumer = await consume('feed', 'logical', { node: primary });
    await told(`active feed ${primary}`);
    await write('CREATE TABLE t (n int); INSERT INTO t VALUES (1)');
    await until(
      'the change arrives',
      () => consumer.changes.some((line) => line.includes('n[integer]:1')) || undefined,
    );
    const busy = await cluster.api<Refusal>('DELETE', `${slots}/feed`, {});
    expect([busy.status, busy.body.details.reasons?.[0]?.rule]).toEqual([409, 'slot-not-active']);
    consumer.close();
    await told(`inactive feed ${primary}`);
  });

  it('do not hold up a switchover, though one consumer stands still', async () => {
    const primary = await cluster.primary('alpha');
    const still = await consume('feed', 'logical', { node: primary, frozen: true });
    const walStart = (
      await asSuperuser(
        primary,
        "SELECT restart_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = 'archive'",
      )
    ).rows[0].lsn;
    const archiver = await consume('archive', 'physical', { node: primary, from: walStart });
    await told(`active archive ${primary}`);
    await until('both stream', () => (still.started && archiver.started) || undefined);
    await write('INSERT INTO t SELECT generate_series(2, 5000)');
    const planned = { group: 'alpha', mode: 'switchover', dry_run: true };
    const plan = await cluster.api<{ checks: { rule: string; measured: string }[] }>(
      'POST',
      '/cluster/failover',
      planned,
    );
    expect(plan.body.checks.find((one) => one.rule === 'slots-follow')?.measured).toBe('stays behind: archive');
    const { from, to, operation } = await switchOver();
    expect(operation.result?.pause_ms).toBeGreaterThan(0);
    await cluster.healed();
    // Those who stream were ended; else the stop waits for wal_sender_timeout of the one that stands still.
    const log = await cluster.api<{ message: string }[]>('GET', `/cluster/nodes/${from}/logs?limit=1000`);
    const messages = log.body.map((line) => line.message);
    expect(messages).toContainEqual(expect.stringMatching(/terminating connection due to administrator command/));
    expect(messages).not.toContainEqual(expect.stringMatching(/due to replication timeout/));
    // As it was told: the logical one goes on from the new primary, the physical one stayed where it was.
    expect(await placesOf('archive')).toEqual([`${from} stays_behind`]);
    const next = await consume('feed', 'logical', { node: to });
    await write('INSERT INTO t VALUES (77777)');
    await until('the feed goes on', () => next.changes.some((line) => line.includes(':77777')) || undefined);
    await copiedEverywhere();
    next.close();
    await until('it is idle', async () => (await inUse()).length === 0 || undefined);
  });

  it('survive the loss of the primary’s node where they were copied, and the node comes back', async () => {
    const lost = await cluster.primary('alpha');
    cluster.signalNode(lost, 'SIGSTOP');
    await until('another serves', async () => (await cluster.primary('alpha').catch(() => lost)) !== lost || undefined);
    cluster.signalNode(lost, 'SIGCONT');
    await cluster.healed();
    // Through the service, as a consumer that does not ask who is primary.
    const next = await consume('feed', 'logical', { node: null });
    await write('INSERT INTO t VALUES (88888)');
    await until('the feed goes on', () => next.changes.some((line) => line.includes(':88888')) || undefined);
    await copiedEverywhere();
    next.close();
  });
});

describe('dropping slots', () => {
  it('drops the one that stayed behind where it stands, and the copied one everywhere', async () => {
    const [left] = await placesOf('archive');
    expect((await cluster.api('DELETE', `${slots}/archive`, {})).status).toBe(204);
    await told(`dropped archive ${left!.split(' ')[0]}`);
    await until('the feed is idle', async () => (await inUse()).length === 0 || undefined);
    expect((await cluster.api('DELETE', `${slots}/feed`, {})).status).toBe(204);
    await until('its copies are gone', async () => (await list()).length === 0 || undefined);
    expect((await cluster.api('DELETE', `${slots}/feed`, {})).status).toBe(404);
    expect(await list('owner=engine')).toHaveLength(6);
  });
});
