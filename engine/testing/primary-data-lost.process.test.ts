import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { isRunning } from '../postgres/processes';
import { RealCluster } from './real-cluster';

const topology = `
cluster_name: bare
groups:
  - { name: two, nodes: [{ id: t-1 }, { id: t-2 }] }
  - { name: three, nodes: [{ id: h-1 }, { id: h-2 }, { id: h-3 }] }
`;

let cluster: RealCluster;
beforeAll(async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'rustydb-bare-')), 'topology.yaml');
  writeFileSync(file, topology);
  cluster = await RealCluster.start({ topology: file });
  await cluster.healed();
});
afterAll(() => cluster?.destroy());

const record = async (group: string) => (await (await cluster.door()).group(group)).record;

/** The group's voters as soon as one may be promoted without loss. */
const voters = (group: string) =>
  pollUntil(
    async () => {
      const { promotable, voterSet } = await record(group);
      return promotable === 'voters' && voterSet.members.length > 0 ? voterSet.members : undefined;
    },
    { timeoutMs: 30_000, intervalMs: 100, what: 'a voter' },
  );

function pgdata(node: string): string {
  return join(cluster.nodeDirectory(node), 'pgdata');
}

/** The server dies and does not find its data again. */
function lose(node: string, damage: (directory: string) => void): void {
  const postmaster = Number(readFileSync(join(pgdata(node), 'postmaster.pid'), 'utf8').split('\n')[0]);
  damage(pgdata(node));
  process.kill(postmaster, 'SIGKILL');
}
const removed = (directory: string) => rmSync(directory, { recursive: true, force: true });
const withoutControlFile = (directory: string) => rmSync(join(directory, 'global', 'pg_control'));

const anotherThan = (group: string, primary: string) =>
  pollUntil(async () => (await record(group)).primary !== primary || undefined, {
    timeoutMs: 20_000,
    intervalMs: 100,
    what: 'another primary',
  });

it.each([
  ['two', 'is gone', removed],
  ['three', 'has no control file', withoutControlFile],
])('group %s: a standby takes over when the data of the primary %s', async (group, _what, damage) => {
  await voters(group);
  const { primary } = await record(group);
  lose(primary!, damage);
  await anotherThan(group, primary!);
});

it('a primary whose directory is moved away under it is ended, and a standby takes over', async () => {
  await voters('three');
  const { primary } = await record('three');
  const running = cluster.postgresProcesses(primary!);
  renameSync(pgdata(primary!), `${pgdata(primary!)}.away`);
  await anotherThan('three', primary!);
  expect(running.filter(isRunning)).toEqual([]);
});

it('a degraded group keeps its epoch and waits for a human, who gives up what only the lost disk had', async () => {
  const [standby] = await voters('two');
  const { primary } = await record('two');
  const door = await cluster.door();
  cluster.signalNode(standby!, 'SIGSTOP');
  await pollUntil(async () => (await record('two')).promotable === 'none' || undefined, {
    timeoutMs: 20_000,
    intervalMs: 100,
    what: 'the primary acknowledges alone',
  });
  lose(primary!, removed);
  const thawedAt = new Date().toISOString();
  cluster.signalNode(standby!, 'SIGCONT');
  const waiting = await pollUntil(
    async () => {
      const { activity } = (await door.nodeView(primary!)).report ?? {};
      return activity?.includes(`the data directory of ${primary} is gone`) || undefined;
    },
    { timeoutMs: 20_000, intervalMs: 100, what: 'it says what it waits for' },
  );
  expect(waiting).toBe(true);
  await pollUntil(
    async () => {
      const { report } = await door.nodeView(standby!);
      return (report && report.at > thawedAt && report.postgres.state === 'standby') || undefined;
    },
    { timeoutMs: 20_000, intervalMs: 100, what: 'the standby reports again' },
  );
  const { epoch } = await record('two');
  const refused = await door
    .startOperation({ kind: 'failover', group: 'two', mode: 'failover', target: standby! })
    .catch((error: Error) => error);
  expect((refused as Error).message).toContain('allow_data_loss');
  const started = await door.startOperation({
    kind: 'failover',
    group: 'two',
    mode: 'failover',
    target: standby!,
    allowDataLoss: true,
  });
  expect((await door.finished(started.id)).error).toBeNull();
  expect(await record('two')).toMatchObject({ primary: standby, epoch: epoch + 1 });
  expect((await voters('two'))[0]).toBe(primary);
});
