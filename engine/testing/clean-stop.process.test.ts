/** After a clean stop under load nothing is left to replay: the standbys' control files stand at the primary's shutdown checkpoint. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
