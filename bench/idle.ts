/**
 * `npm run bench:idle`: what an embedded cluster that nobody uses costs (CPU of all its processes over 30 s, memory as proportional set size), and how
 * long a second start takes: after a clean stop, and after SIGKILL of every process with acknowledged rows looked for afterwards on every member; and
 * until each group is protected again after a clean stop under load. `--seconds 30`, `--starts 3`, `--load-seconds 30`, `--only idle,starts,protected`,
 * RUSTYDB_DIST for another build. Ready means /readyz where the build has a console server, else writable groups.
 */
import { parseArgs } from 'node:util';
import { CheckedWorkload } from '../engine/testing/checked-workload';
import { everyMemberCaughtUp } from '../engine/testing/member-check';
import { commandLine, cpuTimeMs, memoryBytes } from '../engine/testing/process-table';
import { delay, RealCluster } from '../engine/testing/real-cluster';
import { type ProtectedAgain, protectedAgain } from './idle/protection';
import { onInterruption } from './measure/interruption';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';
import { maximum, median } from './measure/statistics';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    starts: { type: 'string', default: '3' },
    'load-seconds': { type: 'string', default: '30' },
    only: { type: 'string', default: 'idle,starts,protected' },
  },
});
const only = new Set(values.only.split(','));
/** An idle cluster has been idle for a while: by then the engine's hot functions are compiled. */
const settleMs = 90_000;
const groups = ['alpha', 'beta'] as const;
const loadMs = 3_000;

type Use = {
  readonly what: string;
  readonly processes: number;
  readonly cpuPercent: number;
  readonly memoryMB: number;
};

function kindOf(pid: number): string {
  const words = commandLine(pid);
  for (const name of ['launcher', 'agent', 'guardian', 'router', 'server'])
    if (words.some((word) => word.endsWith(`/${name}.mjs`))) return name === 'server' ? 'console server' : name;
  return 'PostgreSQL';
}

async function idleUse(cluster: RealCluster, seconds: number): Promise<readonly Use[]> {
  // The benchmark's own connection would keep agents busy.
  await cluster.closeDoor();
  await delay(settleMs);
  const before = new Map(cluster.allProcesses().map((pid) => [pid, { kind: kindOf(pid), cpuMs: cpuTimeMs(pid) ?? 0 }]));
  const begun = performance.now();
  await delay(seconds * 1000);
  const elapsedMs = performance.now() - begun;
  const byKind = new Map<string, { processes: number; cpuPercent: number; memoryMB: number }>();
  for (const [pid, { kind, cpuMs }] of before) {
    const use = byKind.get(kind) ?? { processes: 0, cpuPercent: 0, memoryMB: 0 };
    use.processes++;
    use.cpuPercent += (100 * Math.max(0, (cpuTimeMs(pid) ?? cpuMs) - cpuMs)) / elapsedMs;
    use.memoryMB += (memoryBytes(pid) ?? 0) / 2 ** 20;
    byKind.set(kind, use);
  }
  const rows = [...byKind].map(([what, use]) => ({ what, ...use }));
  const total = {
    what: 'all',
    processes: rows.reduce((sum, row) => sum + row.processes, 0),
    cpuPercent: rows.reduce((sum, row) => sum + row.cpuPercent, 0),
    memoryMB: rows.reduce((sum, row) => sum + row.memoryMB, 0),
  };
  return [...rows, total];
}

/** Everybody writes when everything is killed; whatever was acknowledged must be there after the next start, on every member. */
async function killedStart(
  cluster: RealCluster,
  number: number,
): Promise<{ ms: number; acknowledged: number; lost: number }> {
  const workloads = [];
  for (const group of groups) {
    const service = await cluster.service(`${group}-rw`);
    await CheckedWorkload.createTable(service);
    const workload = new CheckedWorkload({ connect: async () => service, clients: 8, tag: `killed${number}` });
    workload.start();
    workloads.push({ group, workload });
  }
  await delay(loadMs);
  await cluster.closeDoor();
  cluster.killEverything();
  await Promise.all(workloads.map(({ workload }) => workload.stop()));
  const ms = await cluster.launch();
  await (await cluster.door()).healed(120_000, 1_000);
  let lost = 0;
  for (const { group, workload } of workloads) {
    for (const node of await everyMemberCaughtUp(cluster, group, 60_000))
      lost += (await workload.missing(await cluster.direct(node))).length;
  }
  const acknowledged = workloads.reduce((sum, { workload }) => sum + workload.acknowledged.size, 0);
  return { ms: Math.round(ms), acknowledged, lost };
}

function protectedRows(stopped: readonly ProtectedAgain[]): readonly (readonly (string | number)[])[] {
  const names = [...new Set(stopped.flatMap((one) => one.groups.map((group) => group.name)))];
  return names.map((name) => {
    const own = stopped.flatMap((one) => one.groups.filter((group) => group.name === name));
    const times = own.map((group) => group.protectedMs);
    const degraded = maximum(own.map((group) => group.degradedMs));
    const note = `after ready; clean stop under load; degraded for at most ${degraded} ms`;
    return [`${name} protected again`, own.length, median(times), maximum(times), note];
  });
}

async function main(): Promise<number> {
  const machine = machineFacts();
  const begun = performance.now();
  const cluster = await RealCluster.start({ readyTimeoutMs: 120_000 });
  onInterruption(() => cluster.killEverything());
  const firstStartMs = Math.round(performance.now() - begun);
  say(`first start ${firstStartMs} ms`);
  let finished = false;
  try {
    await (await cluster.door()).healed(120_000, 1_000);
    const use = only.has('idle') ? await idleUse(cluster, Number(values.seconds)) : [];
    const clean: number[] = [];
    const stops: number[] = [];
    const killed: Awaited<ReturnType<typeof killedStart>>[] = [];
    for (let number = 1; only.has('starts') && number <= Number(values.starts); number++) {
      const stopBegun = performance.now();
      const code = await cluster.stop();
      stops.push(Math.round(performance.now() - stopBegun));
      if (code !== 0) throw new Error(`the launcher ended with ${code}`);
      clean.push(Math.round(await cluster.launch()));
      await (await cluster.door()).healed(120_000, 1_000);
      killed.push(await killedStart(cluster, number));
      say(`start ${number}: clean ${clean.at(-1)} ms, after SIGKILL ${JSON.stringify(killed.at(-1))}`);
    }
    const stopped: ProtectedAgain[] = [];
    for (let number = 1; only.has('protected') && number <= Number(values.starts); number++) {
      stopped.push(await protectedAgain(cluster, number, Number(values['load-seconds']) * 1_000));
      say(`clean stop under load ${number}: ${JSON.stringify(stopped.at(-1))}`);
      await (await cluster.door()).healed(120_000, 1_000);
    }
    const killedMs = killed.map((one) => one.ms);
    const lost = [...killed, ...stopped].reduce((sum, one) => sum + one.lost, 0);
    const acknowledged = killed.reduce((sum, one) => sum + one.acknowledged, 0);
    console.log(`${machineLine(machine)}\n`);
    console.log(
      table(
        ['processes of an idle cluster', 'number', '% of one core', 'MB (PSS)'],
        use.map((row) => [row.what, row.processes, row.cpuPercent, Math.round(row.memoryMB)]),
      ),
    );
    console.log(
      `\n${table(
        ['until ready', 'times', 'median ms', 'max ms', 'note'],
        [
          ['first start (empty directory)', 1, firstStartMs, firstStartMs, 'initdb × 2, three clones'],
          [
            'second start after a clean stop',
            clean.length,
            median(clean),
            maximum(clean),
            `stopping: ${median(stops)} ms`,
          ],
          [
            'start after SIGKILL of everything',
            killed.length,
            median(killedMs),
            maximum(killedMs),
            `${acknowledged} acknowledged rows`,
          ],
          ...protectedRows(stopped),
        ].filter(([, times]) => times !== 0),
      )}`,
    );
    console.log(`\nacknowledged rows missing anywhere: ${lost}`);
    console.log(`\n${saveJson('idle', { machine, use, firstStartMs, clean, stops, killed, stopped })}`);
    finished = true;
    return lost > 0 ? 1 : 0;
  } finally {
    if (!finished) say(`the data stays in ${cluster.dataDirectory}`);
    await cluster.destroy(!finished);
  }
}

process.exitCode = await main();
