/**
 * `npm run bench:datapath`: what an application gets through each way to PostgreSQL, side by side and alternating in one run. Plain PostgreSQL (same
 * build, settings and replication, set up by hand), HAProxy in front of it and of ours, our primary's own port, all members in one connection string,
 * and our router. pgbench, prepared; ratios travel, figures don't. `--rounds 5 --seconds 5 --clients 16 --scale 10 --only select-only,simple-update`;
 * a quick look: `--rounds 1 --seconds 2`. RUSTYDB_DIST for another build.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { commandLine, cpuTimeMs } from '../engine/testing/process-table';
import { freePort, RealCluster } from '../engine/testing/real-cluster';
import { Haproxy, haproxyVersion } from './datapath/haproxy';
import { initialise, type Login, measure, type Work, works } from './datapath/pgbench';
import { PlainGroup } from './datapath/plain-group';
import { onInterruption } from './measure/interruption';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';
import { median } from './measure/statistics';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    clients: { type: 'string', default: '16' },
    scale: { type: 'string', default: '10' },
    only: { type: 'string', default: works.join(',') },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const clients = Number(values.clients);
const wanted = works.filter((work) => values.only.split(',').includes(work));
const nodes = ['path-1', 'path-2', 'path-3'];

type Way = 'plain' | 'plain + HAProxy' | 'direct' | 'multi-host' | 'ours + HAProxy' | 'router';

/** What must hold: a way against another one of the same run. */
const goals: readonly { readonly work: Work; readonly way: Way; readonly against: Way; readonly least: number }[] = [
  { work: 'select-only', way: 'router', against: 'ours + HAProxy', least: 0.68 },
  { work: 'select-only', way: 'multi-host', against: 'plain', least: 0.95 },
  { work: 'simple-update', way: 'direct', against: 'plain', least: 0.95 },
  { work: 'simple-update', way: 'multi-host', against: 'plain', least: 0.95 },
  { work: 'simple-update', way: 'router', against: 'plain + HAProxy', least: 0.8 },
];

/** One measurement; CPU of our own processes besides PostgreSQL, per transaction: it depends little on what else the machine does. */
type Sample = {
  readonly work: Work;
  readonly way: Way;
  readonly round: number;
  readonly perSecond: number;
  readonly load: number;
  /** Of the router or HAProxy, whichever stands between. */
  readonly betweenMicros: number;
  readonly agentMicros: number;
};

function pidsOf(cluster: RealCluster, program: string): readonly number[] {
  const named = (pid: number) => commandLine(pid).some((word) => word.endsWith(`/${program}.mjs`));
  return cluster.allProcesses().filter(named);
}

const cpuOf = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + (cpuTimeMs(pid) ?? 0), 0);

function login(host: string, ports: readonly number[], more: string, password: string): Login {
  const hosts = ports.map(() => host).join(',');
  const connection = `host=${hosts} port=${ports.join(',')} dbname=app user=app sslmode=disable${more}`;
  return { connection, password };
}

async function waysOf(
  plain: PlainGroup,
  cluster: RealCluster,
  haproxyPorts: { readonly plain: number; readonly ours: number } | null,
): Promise<ReadonlyMap<Way, Login>> {
  const host = '127.0.0.1';
  const password = cluster.appPassword();
  const primary = (await cluster.direct(await cluster.primary('path'))).port!;
  const members = await Promise.all(nodes.map(async (node) => (await cluster.direct(node)).port!));
  const ways = new Map<Way, Login>();
  ways.set('plain', login(host, [plain.primaryPort], '', plain.password));
  if (haproxyPorts) ways.set('plain + HAProxy', login(host, [haproxyPorts.plain], '', plain.password));
  ways.set('direct', login(host, [primary], '', password));
  ways.set('multi-host', login(host, members, ' target_session_attrs=read-write', password));
  if (haproxyPorts) ways.set('ours + HAProxy', login(host, [haproxyPorts.ours], '', password));
  ways.set('router', login(host, [(await cluster.service('path-rw')).port!], '', password));
  return ways;
}

/** Each round measures every way, beginning with another one: what else the machine does falls on all alike. */
async function alternate(
  cluster: RealCluster,
  haproxy: Haproxy | null,
  ways: ReadonlyMap<Way, Login>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const between = [...pidsOf(cluster, 'router'), ...(haproxy ? [haproxy.pid] : [])];
  const agents = pidsOf(cluster, 'agent');
  const order = [...ways.keys()];
  for (const work of wanted) {
    for (const way of order) await measure(ways.get(way)!, { work, clients, seconds: 3 });
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < order.length; turn++) {
        const way = order[(turn + round) % order.length]!;
        const before = { between: cpuOf(between), agents: cpuOf(agents) };
        const perSecond = await measure(ways.get(way)!, { work, clients, seconds });
        const micros = (now: number, then: number) => (1000 * (now - then)) / (perSecond * seconds);
        const betweenMicros = micros(cpuOf(between), before.between);
        const agentMicros = micros(cpuOf(agents), before.agents);
        const load = loadavg()[0]!;
        samples.push({ work, way, round, perSecond, load, betweenMicros, agentMicros });
        say(`${work}, round ${round + 1}, ${way}: ${Math.round(perSecond)}/s, load ${load.toFixed(1)}`);
      }
    }
  }
  return samples;
}

/** The median of the rounds' own ratios: within a round both had the same machine. */
function ratio(samples: readonly Sample[], work: Work, [way, against]: readonly [Way, Way]): number {
  const of = (one: Way, round: number) =>
    samples.find((sample) => sample.work === work && sample.way === one && sample.round === round)?.perSecond;
  const ratios = Array.from(
    { length: rounds },
    (_, round) => (of(way, round) ?? Number.NaN) / (of(against, round) ?? Number.NaN),
  );
  return median(ratios.filter((value) => !Number.isNaN(value)));
}

function figures(samples: readonly Sample[], ways: readonly Way[]): string {
  const rows = wanted.flatMap((work) =>
    ways.map((way) => {
      const own = samples.filter((sample) => sample.work === work && sample.way === way);
      const middle = (figure: (sample: Sample) => number) => median(own.map(figure));
      const against = (other: Way) => (ways.includes(other) ? ratio(samples, work, [way, other]) : null);
      return [
        work,
        way,
        Math.round(middle((sample) => sample.perSecond)),
        against('plain'),
        against('plain + HAProxy'),
        against('ours + HAProxy'),
        way === 'router' || way.endsWith('HAProxy') ? Math.round(middle((sample) => sample.betweenMicros)) : null,
        way.startsWith('plain') ? null : Math.round(middle((sample) => sample.agentMicros)),
        middle((sample) => sample.load),
      ] as const;
    }),
  );
  const head = ['work', 'way', 'per second', '÷ plain', '÷ plain + HAProxy', '÷ ours + HAProxy'];
  return table([...head, 'router or HAProxy, CPU µs each', 'agents CPU µs each', 'load'], rows);
}

function goalsMet(samples: readonly Sample[], ways: readonly Way[]): readonly string[] {
  return goals
    .filter(({ work, way, against }) => wanted.includes(work) && ways.includes(way) && ways.includes(against))
    .map(({ work, way, against, least }) => {
      const value = ratio(samples, work, [way, against]);
      return `${value >= least ? 'met' : 'NOT MET'}: ${work}, ${way} ÷ ${against} = ${value.toFixed(2)}, at least ${least}`;
    });
}

async function main(): Promise<number> {
  const machine = machineFacts();
  const version = haproxyVersion();
  say(machineLine(machine));
  say(version ?? 'HAProxy is not installed (Debian package haproxy): its ways are left out');
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-datapath-'));
  const topology = join(directory, 'topology.yaml');
  writeFileSync(topology, `groups:\n  - { name: path, nodes: [${nodes.map((id) => `{ id: ${id} }`).join(', ')}] }\n`);
  const plain = await PlainGroup.start();
  const cluster = await RealCluster.start({ topology, through: 'engine', readyTimeoutMs: 120_000 });
  let haproxy: Haproxy | null = null;
  onInterruption(() => {
    plain.kill();
    cluster.killEverything();
    if (haproxy) process.kill(haproxy.pid, 'SIGKILL');
  });
  try {
    await (await cluster.door()).healed(120_000);
    const primary = (await cluster.direct(await cluster.primary('path'))).port!;
    const fronts = version ? { plain: await freePort(), ours: await freePort() } : null;
    if (fronts)
      haproxy = await Haproxy.start(
        new Map([
          [fronts.plain, plain.primaryPort],
          [fronts.ours, primary],
        ]),
      );
    const ways = await waysOf(plain, cluster, fronts);
    // The benchmark's own connection would keep agents busy.
    await cluster.closeDoor();
    for (const way of ['plain', 'direct'] as const) await initialise(ways.get(way)!, Number(values.scale));
    const samples = await alternate(cluster, haproxy, ways);
    const met = goalsMet(samples, [...ways.keys()]);
    const how = `pgbench, prepared, ${clients} clients, scale ${values.scale}, ${rounds} rounds of ${seconds} s, three servers, one of two standbys acknowledges; medians, ratios within a round; ${version ?? 'no HAProxy'}`;
    console.log(`${machineLine(machine)}\n\n${how}\n\n${figures(samples, [...ways.keys()])}\n\n${met.join('\n')}`);
    console.log(`\n${saveJson('datapath', { machine, haproxy: version, ...values, samples, goals: met })}`);
    return 0;
  } finally {
    await haproxy?.stop();
    await plain.stop();
    await cluster.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main();
