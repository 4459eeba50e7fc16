/**
 * Members of one host beside each other, as a DBA sees them: a tablespace separates by itself, and with every statement logged an idle installation writes
 * next to nothing of its own.
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { withFreshSession } from '../postgres/connection';
import { query } from './member-check';
import { RealCluster } from './real-cluster';

const topology = `
cluster_name: shared-host
groups:
  - { name: alpha, nodes: [{ id: a-1 }, { id: a-2 }] }
`;
let cluster: RealCluster;
let place: string;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'rustydb-shared-host-'));
  writeFileSync(join(place, 'topology.yaml'), topology);
  cluster = await RealCluster.start({ topology: join(place, 'topology.yaml'), through: 'engine' });
  await cluster.healed();
});
afterAll(async () => {
  await cluster?.destroy();
  rmSync(place, { recursive: true, force: true });
});

/** As the DBA on the host: the superuser over the node's own socket. */
function asSuperuser(node: string, statements: readonly string[], database = 'postgres'): Promise<void> {
  const data = cluster.dataDirectory;
  const { superuser } = JSON.parse(readFileSync(join(data, 'secrets/postgres.json'), 'utf8')) as { superuser: string };
  const ports = JSON.parse(readFileSync(join(data, 'ports.json'), 'utf8')) as Record<string, number>;
  const socketDirectory = join(data, 'nodes', node, 'run');
  const endpoint = { socketDirectory, port: ports[`${node}.postgres`]!, password: superuser, database, purpose: 'dba' };
  return withFreshSession(endpoint, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

const until = <T>(what: string, probe: () => Promise<T | undefined> | T | undefined) =>
  pollUntil(probe, { timeoutMs: 90_000, intervalMs: 50, what });

function logOf(node: string): readonly { user?: string; message: string; application_name?: string }[] {
  const directory = join(cluster.nodeDirectory(node), 'log');
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}

it('an idle installation writes next to nothing of its own into a log of every statement', async () => {
  const primary = await cluster.primary('alpha');
  const all = [
    "log_statement = 'all'",
    'log_duration = on',
    'log_disconnections = on',
    'log_replication_commands = on',
  ];
  await asSuperuser(primary, [...all.map((one) => `ALTER SYSTEM SET ${one}`), 'SELECT pg_reload_conf()']);
  const login = await cluster.service('alpha-rw');
  const mark = (word: string) =>
    until(`the log says ${word}`, async () => {
      await query(login, `SELECT '${word}'`);
      return logOf(primary).some((line) => line.message.includes(word)) ? true : undefined;
    });
  const sequence = async () =>
    (await (await cluster.door()).view()).nodes.find(({ record }) => record.id === primary)?.report?.sequence ?? 0;
  await mark('idle from here');
  const from = await sequence();
  // A quarter of a minute's reports, each a question to PostgreSQL.
  await until('60 reports', async () => ((await sequence()) >= from + 60 ? true : undefined));
  await mark('idle to here');
  const lines = logOf(primary);
  const begin = lines.findIndex((line) => line.message.includes('idle from here'));
  const end = lines.findIndex((line) => line.message.includes('idle to here'));
  const ours = lines.slice(begin, end).filter((line) => line.user?.startsWith('rustydb'));
  expect(ours.length, JSON.stringify(ours.slice(0, 10))).toBeLessThan(5);
  await asSuperuser(primary, [
    ...all.map((one) => `ALTER SYSTEM RESET ${one.split(' ')[0]}`),
    'SELECT pg_reload_conf()',
  ]);
});

it('after CREATE TABLESPACE on the primary the standby copies itself anew, with a directory of its own, and counts again', async () => {
  const primary = await cluster.primary('alpha');
  const standby = primary === 'a-1' ? 'a-2' : 'a-1';
  const directory = join(place, 'ts');
  mkdirSync(directory, { mode: 0o700 });
  chmodSync(place, 0o755);
  const owner = statSync(join(cluster.nodeDirectory(primary), 'pgdata'));
  chownSync(directory, owner.uid, owner.gid);
  await asSuperuser(primary, [`CREATE TABLESPACE ts LOCATION '${directory}'`, 'GRANT CREATE ON TABLESPACE ts TO app']);
  const links = (node: string) => {
    const all = join(cluster.nodeDirectory(node), 'pgdata', 'pg_tblspc');
    try {
      return readdirSync(all).map((name) => readlinkSync(join(all, name)));
    } catch {
      // Between two renames of the copy.
      return [];
    }
  };
  const own = await until('the standby has a directory of its own', () =>
    links(standby).find((target) => target.startsWith(join(cluster.nodeDirectory(standby), 'tablespaces'))),
  );
  expect(links(primary)).toEqual([directory]);
  await cluster.healed();
  await until('the standby counts', async () =>
    (await (await cluster.door()).group('alpha')).record.voterSet.members.includes(standby) ? true : undefined,
  );
  const login = await cluster.service('alpha-rw');
  await query(login, 'CREATE TABLE t TABLESPACE ts AS SELECT n FROM generate_series(1, 2000) AS n');
  await until('the rows are on the standby', async () => {
    const rows = await query<{ n: number }>(await cluster.direct(standby), 'SELECT count(*)::int AS n FROM t').catch(
      () => [],
    );
    return rows[0]?.n === 2000 ? true : undefined;
  });
  expect(readdirSync(own).length).toBe(1);
});
