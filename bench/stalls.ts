/**
 * `npm run bench:stalls`: the longest block of an agent's main thread while its control store holds 20 MB: when nothing happens, while the whole content
 * is written anew, and through the snapshots that follow from it. Measured in the agents' own processes by a timer of the benchmark.
 * `--mb 20`, `--rounds 4` (times the content is written), `--value-kb 20`, RUSTYDB_DIST for another build. On a busy machine the longest block is the
 * machine's; the last column leaves out the time in which the thread waited for a core.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pollUntil } from '../engine/kernel/async';
import type { ClusterDoor } from '../engine/testing/cluster-door';
import { delay, RealCluster } from '../engine/testing/real-cluster';
import { onInterruption } from './measure/interruption';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';
import { maximum, median } from './measure/statistics';

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '4' },
    'value-kb': { type: 'string', default: '20' },
  },
});
/** A large record: a node's is 1 to 4 KB, a plan's up to 20 KB. */
const valueBytes = Number(values['value-kb']) * 1_000;
const settleMs = 20_000;
const quietMs = 30_000;
/** Snapshots begin with a write that makes the log too long, and take a while. */
const afterWritesMs = 20_000;
const requestMs = 30_000;

type Stall = { readonly at: number; readonly pid: number; readonly ms: number; readonly ownMs: number };

function stallsBetween(directory: string, from: number, to: number): readonly Stall[] {
  return readdirSync(directory)
    .flatMap((file) => readFileSync(join(directory, file), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as Stall)
    .filter(({ at }) => at >= from && at <= to);
}

async function writeContent(door: ClusterDoor, round: number): Promise<void> {
  const count = Math.ceil((Number(values.mb) * 1e6) / valueBytes);
  for (let number = 0; number < count; number++) {
    const value = `${round}-${number}-`.padEnd(valueBytes, 'x');
    const mutations = [{ kind: 'put' as const, key: `bench/stalls/${number}`, value }];
    // Writing the same twice is no harm; on an overloaded machine a connection may be given up.
    await pollUntil(() => door.connection.requestLeader('store.txn', { compare: [], mutations }, requestMs), {
      timeoutMs: 4 * requestMs,
      intervalMs: 100,
      what: `key ${number} is written`,
    });
  }
}

async function snapshots(door: ClusterDoor): Promise<readonly number[]> {
  const nodes = (await door.view()).nodes.map((node) => node.record.id);
  const statuses = await Promise.all(
    nodes.map((node) => door.connection.requestNode(node, 'raft.status', {}, requestMs)),
  );
  return statuses.map((status) => status.snapshotIndex);
}

async function main(): Promise<number> {
  const machine = machineFacts();
  say(machineLine(machine));
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-stalls-'));
  const monitor = resolve('bench/stalls/loop-monitor.mjs');
  const cluster = await RealCluster.start({
    through: 'engine',
    readyTimeoutMs: 120_000,
    env: { NODE_OPTIONS: `--import ${monitor}`, RUSTYDB_STALLS: directory },
  });
  onInterruption(() => cluster.killEverything());
  let finished = false;
  try {
    const door = await cluster.door();
    await door.healed(120_000, 1_000);
    await writeContent(door, 0);
    const before = await snapshots(door);
    await delay(settleMs);
    const quietFrom = Date.now();
    await delay(quietMs);
    const writesFrom = Date.now();
    for (let round = 1; round <= Number(values.rounds); round++) await writeContent(door, round);
    const writesTo = Date.now();
    await delay(afterWritesMs);
    const after = await snapshots(door);
    const taken = after.filter((index, at) => index > (before[at] ?? 0)).length;
    const phases = [
      ['quiet', stallsBetween(directory, quietFrom, writesFrom)],
      ['written anew', stallsBetween(directory, writesFrom, writesTo)],
      ['afterwards', stallsBetween(directory, writesTo, Date.now())],
    ] as const;
    console.log(`${machineLine(machine)}\n`);
    console.log(
      table(
        [
          `agents with a store of ${values.mb} MB`,
          'seconds looked at',
          'median ms',
          'longest block ms',
          'of it not waiting for a core',
        ],
        phases.map(([name, stalls]) => [
          name,
          stalls.length,
          median(stalls.map(({ ms }) => ms)),
          maximum(stalls.map(({ ms }) => ms)),
          maximum(stalls.map(({ ownMs }) => ownMs)),
        ]),
      ),
    );
    console.log(`\n${taken} of ${after.length} agents took a snapshot meanwhile`);
    console.log(`\n${saveJson('stalls', { machine, mb: Number(values.mb), taken, phases })}`);
    finished = true;
    return taken === after.length ? 0 : 1;
  } finally {
    if (!finished) say(`the data stays in ${cluster.dataDirectory}`);
    await cluster.destroy(!finished);
    rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main();
