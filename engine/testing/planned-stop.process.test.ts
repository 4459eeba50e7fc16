/** One node is stopped as planned while it is primary: it gives its lease back, so that the others do not wait for the lease's end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { query } from './member-check';
import { RealCluster } from './real-cluster';

const topology = `
cluster_name: planned-stop
groups:
  - { name: alpha, nodes: [{ id: a-1 }, { id: a-2 }, { id: a-3 }] }
`;
let cluster: RealCluster;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-planned-stop-'));
  writeFileSync(join(directory, 'topology.yaml'), topology);
  cluster = await RealCluster.start({ topology: join(directory, 'topology.yaml') });
  rmSync(directory, { recursive: true });
  await cluster.healed();
  await query(await cluster.service('alpha-rw'), 'CREATE TABLE t (n int)');
});
afterAll(() => cluster?.destroy());

const group = async () => (await (await cluster.door()).view()).groups[0]!.record;

async function votersAgain(): Promise<void> {
  await cluster.healed();
  await pollUntil(async () => (await group()).voterSet.members.length === 2 || undefined, {
    timeoutMs: 60_000,
    intervalMs: 100,
    what: 'both standbys are voters',
  });
}

type Failover = { readonly cause: string | null; readonly from: string };

async function anotherServes(before: { readonly primary: string | null; readonly epoch: number }): Promise<void> {
  await pollUntil(
    async () => {
      const { primary, epoch, operation } = await group();
      return (primary !== before.primary && epoch > before.epoch && operation === null) || undefined;
    },
    { timeoutMs: 60_000, intervalMs: 50, what: 'another member is primary' },
  );
  const { body } = await cluster.api<readonly Failover[]>('GET', '/cluster/failovers');
  expect(body[0]).toMatchObject({ from: before.primary, cause: `${before.primary} gave its lease back.` });
}

it('a primary whose agent is asked to stop gives its lease back, and nothing is lost', async () => {
  await votersAgain();
  const before = await group();
  await query(await cluster.service('alpha-rw'), 'INSERT INTO t SELECT generate_series(1, 1000)');
  const agent = (await cluster.nodes()).find((node) => node.node_id === before.primary)!.agent_pid!;
  process.kill(agent, 'SIGTERM');
  await anotherServes(before);
  expect((await query(await cluster.service('alpha-rw'), 'SELECT count(*)::int AS n FROM t'))[0]).toEqual({ n: 1000 });
  await votersAgain();
});

it('a primary that is stopped by force gives its lease back', async () => {
  await votersAgain();
  const before = await group();
  const stop = await cluster.api('POST', `/cluster/nodes/${before.primary}/stop`, { force: true });
  expect(stop.status).toBe(202);
  await anotherServes(before);
  expect((await query(await cluster.service('alpha-rw'), 'SELECT count(*)::int AS n FROM t'))[0]).toEqual({ n: 1000 });
});
