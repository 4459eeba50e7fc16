/**
 * What a superuser does by hand to servers of ours: it is told at once, counts for nothing, and is mended. One group of three, one story, in order.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { RealCluster } from './real-cluster';

const topology = `
cluster_name: damage
groups:
  - { name: alpha, on_no_standby: degrade, nodes: [{ id: a-1 }, { id: a-2 }, { id: a-3 }] }
`;

let cluster: RealCluster;
beforeAll(async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'rustydb-damage-')), 'topology.yaml');
  writeFileSync(file, topology);
  cluster = await RealCluster.start({ topology: file, through: 'engine' });
  await healed();
});
afterAll(() => cluster?.destroy());

const until = <T>(what: string, probe: () => Promise<T | undefined> | T | undefined) =>
  pollUntil(probe, { timeoutMs: 60_000, intervalMs: 25, what });

/** As the DBA on the host: the superuser over the node's own socket. */
async function asSuperuser<T extends pg.QueryResultRow>(node: string, ...statements: string[]): Promise<T[]> {
  const data = cluster.dataDirectory;
  const { superuser } = JSON.parse(readFileSync(join(data, 'secrets/postgres.json'), 'utf8')) as { superuser: string };
  const ports = JSON.parse(readFileSync(join(data, 'ports.json'), 'utf8')) as Record<string, number>;
  const client = new pg.Client({
    host: join(data, 'nodes', node, 'run'),
    port: ports[`${node}.postgres`],
    user: 'rustydb',
    password: superuser,
    database: 'postgres',
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    let rows: T[] = [];
    for (const statement of statements) rows = (await client.query<T>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

const standbyOf = (primary: string) => ['a-1', 'a-2', 'a-3'].find((node) => node !== primary)!;
const door = () => cluster.door();

/** Both standbys count again. */
async function healed(): Promise<void> {
  await cluster.healed();
  await until('both standbys are voters', async () => {
    const { promotable, voterSet } = (await (await door()).group('alpha')).record;
    return (promotable === 'voters' && voterSet.members.length === 2) || undefined;
  });
}

it('a standby that is promoted by hand is told, copied anew from the lower timeline, and streams again', async () => {
  const primary = await cluster.primary('alpha');
  const standby = standbyOf(primary);
  await asSuperuser(standby, 'SELECT pg_promote(false)');
  await until('it is told', async () => {
    const { statusReason, report } = await (await door()).nodeView(standby);
    return [statusReason, ...(report?.troubles ?? [])].join(' ').includes('promoted by hand') || undefined;
  });
  const { postgres } = (await (await door()).nodeView(primary)).report!;
  expect(postgres.state).toBe('primary');
  await until('its timeline is the primary’s again', async () => {
    const { report } = await (await door()).nodeView(standby);
    return (
      (report?.postgres.walReceiver?.status === 'streaming' && report.postgres.timeline === postgres.timeline) ||
      undefined
    );
  });
  await healed();
  expect(await cluster.primary('alpha')).toBe(primary);
  expect((await (await door()).nodeView(standby)).report?.troubles).toEqual([]);
});

const troublesOf = async (node: string) => ((await (await door()).nodeView(node)).report?.troubles ?? []).join(' ');

it('a primary whose settings are reset no longer counts as protected, until its list is in force again', async () => {
  const primary = await cluster.primary('alpha');
  const before = await until('both standbys are in the list', async () => {
    const [row] = await asSuperuser<{ names: string }>(
      primary,
      `SELECT current_setting('synchronous_standby_names') AS names`,
    );
    return /^ANY 1 \("a-\d_[0-9a-f]{6}","a-\d_[0-9a-f]{6}"\)$/.test(row!.names) ? row : undefined;
  });
  await asSuperuser(primary, 'ALTER SYSTEM RESET ALL', 'SELECT pg_reload_conf()');
  await until('nobody counts as voter', async () => {
    const group = await (await door()).group('alpha');
    return group.record.promotable === 'none' || undefined;
  });
  await until('it is told', async () => (await troublesOf(primary)).includes('changed by hand') || undefined);
  await healed();
  await until('the list is as before', async () => {
    const [row] = await asSuperuser<{ names: string }>(
      primary,
      `SELECT current_setting('synchronous_standby_names') AS names`,
    );
    return row?.names === before?.names || undefined;
  });
  expect((await (await door()).group('alpha')).record.promotable).toBe('voters');
});

it('a standby whose settings are reset follows again, under a list that nobody is on', async () => {
  const primary = await cluster.primary('alpha');
  const standby = standbyOf(primary);
  const [before] = await asSuperuser(
    standby,
    `SELECT current_setting('primary_conninfo') AS source, current_setting('synchronous_standby_names') AS names`,
  );
  expect(before).toMatchObject({ names: 'ANY 1 ("rustydb_nobody")' });
  await asSuperuser(standby, 'ALTER SYSTEM RESET ALL', 'SELECT pg_reload_conf()');
  await until('it has its source and its list again', async () => {
    const [now] = await asSuperuser(
      standby,
      `SELECT current_setting('primary_conninfo') AS source, current_setting('synchronous_standby_names') AS names`,
    );
    return JSON.stringify(now) === JSON.stringify(before) || undefined;
  });
  await healed();
});

it('a consumer that calls itself like a member is ended and told, and the group is protected only behind it', async () => {
  const primary = await cluster.primary('alpha');
  const standby = standbyOf(primary);
  await asSuperuser(
    primary,
    `CREATE ROLE feed LOGIN REPLICATION PASSWORD 'feedfeed'`,
    'GRANT CONNECT ON DATABASE postgres TO feed',
    `SELECT pg_create_logical_replication_slot('feed', 'test_decoding')`,
  );
  const [list] = await asSuperuser<{ names: string }>(
    primary,
    `SELECT current_setting('synchronous_standby_names') AS names`,
  );
  const name = new RegExp(`${standby}_[0-9a-f]+`).exec(list!.names)![0];
  const client = new pg.Client({
    ...(await cluster.direct(primary)),
    user: 'feed',
    password: 'feedfeed',
    database: 'postgres',
    application_name: name.toUpperCase(),
    ...{ replication: 'database' },
  });
  const ended = new Promise<void>((resolve) => {
    client.on('error', () => resolve());
    client.on('end', () => resolve());
  });
  await client.connect();
  client.query('START_REPLICATION SLOT feed LOGICAL 0/0').catch(() => undefined);
  await ended;
  await until('it is told', async () => (await troublesOf(primary)).includes('role feed') || undefined);
  await healed();
  expect((await (await door()).group('alpha')).record.promotable).toBe('voters');
  await asSuperuser(
    primary,
    `SELECT pg_drop_replication_slot('feed')`,
    'REVOKE CONNECT ON DATABASE postgres FROM feed',
    'DROP ROLE feed',
  );
});

it('a standby’s own session is left alone before it streams, although no slot is seen with it yet', async () => {
  const primary = await cluster.primary('alpha');
  const standby = standbyOf(primary);
  const [list] = await asSuperuser<{ names: string }>(
    primary,
    `SELECT current_setting('synchronous_standby_names') AS names`,
  );
  const name = new RegExp(`${standby}_[0-9a-f]+`).exec(list!.names)![0];
  const secrets = readFileSync(join(cluster.dataDirectory, 'secrets', 'postgres.json'), 'utf8');
  const client = new pg.Client({
    ...(await cluster.direct(primary)),
    user: 'rustydb_repl',
    password: (JSON.parse(secrets) as { replication: string }).replication,
    application_name: name,
    ...{ replication: 'true' },
  });
  let ended = false;
  client.on('error', () => {
    ended = true;
  });
  client.on('end', () => {
    ended = true;
  });
  await client.connect();
  // What a walreceiver does next, START_REPLICATION, stays away: on a busy host it comes late.
  const looks = new Set<number>();
  await until('it is reported several times, or ended', async () => {
    const { report } = await (await door()).nodeView(primary);
    if (report?.postgres.otherSenders?.some((one) => one.name === name)) looks.add(report.sequence);
    return looks.size >= 4 || ended || undefined;
  });
  expect(ended).toBe(false);
  expect(await troublesOf(primary)).not.toContain(name);
  expect((await (await door()).group('alpha')).record.promotable).toBe('voters');
  await client.end();
});
