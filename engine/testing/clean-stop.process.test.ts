/**
 * After a clean stop under load nothing is left to replay: of the whole installation the standbys' control files stand at the primary's shutdown checkpoint, and
 * one standby that stops or starts anew has made a restartpoint near its end first.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { lagBytes } from '../kernel/lsn';
import { readControlFile } from '../postgres/control-data';
import { query } from './member-check';
import { RealCluster } from './real-cluster';

const topology = `
cluster_name: clean-stop
groups:
  - { name: alpha, nodes: [{ id: a-1 }, { id: a-2 }, { id: a-3 }] }
`;
const members = ['a-1', 'a-2', 'a-3'];
let cluster: RealCluster;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-stop-'));
  writeFileSync(join(directory, 'topology.yaml'), topology);
  cluster = await RealCluster.start({ topology: join(directory, 'topology.yaml') });
  rmSync(directory, { recursive: true });
  await cluster.healed();
});
afterAll(() => cluster?.destroy());

const fewBytes = 32 * 1024 * 1024;

/** Far more than that: since their last checkpoint the members wrote and replayed about 150 MB. */
async function writeMuch(): Promise<void> {
  const login = await cluster.service('alpha-rw');
  await query(login, 'CREATE TABLE IF NOT EXISTS much (n int, filler text)');
  await query(login, "INSERT INTO much SELECT n, repeat('x', 500) FROM generate_series(1, 250000) AS n");
}

async function aStandby(): Promise<string> {
  const primary = await cluster.primary('alpha');
  return members.find((node) => node !== primary)!;
}

/** From PostgreSQL's own words at its starts, oldest first. */
function redoOfStarts(node: string): readonly (number | null)[] {
  const directory = join(cluster.nodeDirectory(node), 'log');
  const files = readdirSync(directory).filter((name) => name.endsWith('.json'));
  const text = files
    .sort()
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');
  const places = text.matchAll(/(redo starts at|consistent recovery state reached at) ([0-9A-F]+\/[0-9A-F]+)/g);
  const found = [...places].map(([, what, lsn]) => ({ begins: what === 'redo starts at', lsn: lsn! }));
  return found.flatMap(({ begins, lsn }, at) => (begins ? [lagBytes(found[at + 1]?.lsn ?? null, lsn)] : []));
}

async function streamsAgain(node: string, starts: number): Promise<number | null> {
  await pollUntil(() => redoOfStarts(node).length > starts || undefined, {
    timeoutMs: 60_000,
    intervalMs: 100,
    what: `PostgreSQL of ${node} has started again`,
  });
  await cluster.healed();
  return redoOfStarts(node).at(-1) ?? null;
}

it('one standby that is restarted begins near its end', async () => {
  await writeMuch();
  const node = await aStandby();
  const starts = redoOfStarts(node).length;
  const restart = await cluster.api<{ id: string }>('POST', `/cluster/nodes/${node}/restart`, {});
  expect((await cluster.operation(restart.body.id)).state).toBe('succeeded');
  expect(await streamsAgain(node, starts)).toBeLessThan(fewBytes);
});

it('one standby that is stopped by hand has made a restartpoint near its end', async () => {
  await writeMuch();
  const node = await aStandby();
  const stop = await cluster.api<{ id: string }>('POST', `/cluster/nodes/${node}/stop`, {});
  expect((await cluster.operation(stop.body.id)).state).toBe('succeeded');
  const control = await readControlFile(join(cluster.nodeDirectory(node), 'pgdata'));
  expect(control.state).toBe('shut down in recovery');
  expect(lagBytes(control.minRecoveryLsn, control.redoLsn)).toBeLessThan(fewBytes);
  const start = await cluster.api<{ id: string }>('POST', `/cluster/nodes/${node}/start`, {});
  expect((await cluster.operation(start.body.id)).state).toBe('succeeded');
  await cluster.healed();
});

it('one standby whose agent is asked to stop begins near its end', async () => {
  await writeMuch();
  const node = await aStandby();
  const starts = redoOfStarts(node).length;
  process.kill(cluster.agentProcess(node), 'SIGTERM');
  expect(await streamsAgain(node, starts)).toBeLessThan(fewBytes);
});

it('leaves the standbys at the shutdown checkpoint of their primary', async () => {
  const login = await cluster.service('alpha-rw');
  await query(login, 'CREATE TABLE t (n int, filler text)');
  const load = (async () => {
    // Until the stop ends it.
    for (;;) await query(login, "INSERT INTO t SELECT n, repeat('x', 500) FROM generate_series(1, 5000) AS n");
  })().catch((error: Error) => error.message);
  await query(login, "INSERT INTO t SELECT n, repeat('x', 500) FROM generate_series(1, 20000) AS n");
  expect(await cluster.stop()).toBe(0);
  expect(await load).toEqual(expect.any(String));
  const control = await Promise.all(
    members.map((node) => readControlFile(join(cluster.nodeDirectory(node), 'pgdata'))),
  );
  expect(control.map(({ state }) => state).sort()).toEqual([
    'shut down',
    'shut down in recovery',
    'shut down in recovery',
  ]);
  const primary = control.find(({ state }) => state === 'shut down')!;
  expect(control.map(({ checkpointLsn }) => checkpointLsn)).toEqual(members.map(() => primary.checkpointLsn));
});
