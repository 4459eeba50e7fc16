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
  await cluster.healed();
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

const standbyOf = async (primary: string) => ['a-1', 'a-2', 'a-3'].find((node) => node !== primary)!;
const door = () => cluster.door();

it('a standby that is promoted by hand is told, copied anew from the lower timeline, and streams again', async () => {
  const primary = await cluster.primary('alpha');
  const standby = await standbyOf(primary);
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
  await cluster.healed();
  expect(await cluster.primary('alpha')).toBe(primary);
  expect((await (await door()).nodeView(standby)).report?.troubles).toEqual([]);
});
