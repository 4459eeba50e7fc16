import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { RealCluster } from './real-cluster';

const topology = `
cluster_name: lengths
lease_ms: 20000
groups:
  - { name: one, nodes: [{ id: o-1 }, { id: o-2 }] }
  - { name: two, nodes: [{ id: t-1 }] }
  - { name: three, nodes: [{ id: h-1 }] }
`;

let cluster: RealCluster;
beforeAll(async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'rustydb-lengths-')), 'topology.yaml');
  writeFileSync(file, topology);
  cluster = await RealCluster.start({ topology: file });
});
afterAll(() => cluster?.destroy());

const primaries = async () =>
  (await cluster.nodes())
    .filter((node) => node.role === 'primary')
    .map((node) => `${node.node_id} ${node.postmaster_pid}`)
    .sort();

const recorded = async () => (await (await cluster.door()).view()).groups.map((group) => group.record.leaseMs ?? null);

/** The problem that says so ended, and with it everything counts by the new length. */
async function becomes(leaseMs: number): Promise<void> {
  await pollUntil(async () => (await recorded()).every((one) => one === leaseMs) || undefined, {
    timeoutMs: 60_000,
    intervalMs: 200,
    what: `every record says ${leaseMs}`,
  });
}

it('a shorter lease stops no server, and a longer one neither', async () => {
  await becomes(20_000);
  const before = await primaries();
  expect(before).toHaveLength(3);
  expect((await cluster.api('PUT', '/cluster/config', { lease_ms: 2_000 })).status).toBe(200);
  await becomes(2_000);
  expect(await primaries()).toEqual(before);
  expect((await cluster.api('PUT', '/cluster/config', { lease_ms: 10_000 })).status).toBe(200);
  await becomes(10_000);
  expect(await primaries()).toEqual(before);
});
