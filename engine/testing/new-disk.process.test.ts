import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { RealCluster, send } from './real-cluster';

const topology = `
cluster_name: disks
groups:
  - { name: one, nodes: [{ id: o-1 }, { id: o-2 }, { id: o-3 }] }
`;

let cluster: RealCluster;
beforeAll(async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'rustydb-disks-')), 'topology.yaml');
  writeFileSync(file, topology);
  cluster = await RealCluster.start({ topology: file });
  await cluster.healed();
});
afterAll(() => cluster?.destroy());

const record = async () => (await (await cluster.door()).view()).groups[0]!.record;

/** What the processes of the installation said of themselves. */
function logs(): string {
  const directory = join(cluster.dataDirectory, 'logs');
  return readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('\n');
}

it('a voter that comes back with an empty directory takes itself out of the voters, then copies and counts again', async () => {
  const voters = async () => {
    const { voterSet, promotable } = await record();
    return promotable === 'voters' ? voterSet.members : [];
  };
  await pollUntil(async () => (await voters()).length === 2 || undefined, {
    timeoutMs: 30_000,
    intervalMs: 100,
    what: 'both standbys are voters',
  });
  const [lost] = await voters();
  await cluster.closeDoor();
  await cluster.stop();
  rmSync(cluster.nodeDirectory(lost!), { recursive: true });
  await cluster.launch();
  await cluster.healed();
  await pollUntil(async () => (await voters()).includes(lost!) || undefined, {
    timeoutMs: 30_000,
    intervalMs: 100,
    what: 'it counts again',
  });
  expect(logs()).toContain('it took itself out of the voters');
});

it('a disk that is exchanged under everything makes a new member of the node, and takes nobody else along', async () => {
  const door = await cluster.door();
  const incarnation = async (id: string) =>
    (await door.view()).nodes.find(({ record: { id: node } }) => node === id)!.record.incarnation;
  const { primary } = await record();
  const node = ['o-1', 'o-2', 'o-3'].find((one) => one !== primary)!;
  const before = await incarnation(node);
  const launcher = cluster.launcherPid;
  // They are found by their directory, which is empty then.
  const processes = [...cluster.postgresProcesses(node), ...cluster.nodeProcesses(node)];
  for (const pid of processes) send(pid, 'SIGSTOP');
  const directory = cluster.nodeDirectory(node);
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
  for (const pid of processes) send(pid, 'SIGKILL');
  await pollUntil(async () => (await incarnation(node)) !== before || undefined, {
    timeoutMs: 60_000,
    intervalMs: 100,
    what: 'it has registered as a new member',
  });
  await cluster.healed();
  expect(cluster.launcherPid).toBe(launcher);
  expect(() => process.kill(launcher!, 0)).not.toThrow();
});
