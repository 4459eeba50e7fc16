/**
 * One seeded run: the product's own agents, control store, controller and operations in a group under load and faults, then healed, then judged. Equal
 * (seed, suite) give equal runs. A run counts when it delivered ≥ 5,000 messages (fewer in a small installation), saw ≥ 20 faults and ≥ 1 loss of the
 * primary, and ended healed with progress.
 */
import type { CommitMode } from '../../cluster/model';
import type { ClusterSeed } from '../../runtime/process-config';
import { Checker } from './checkers';
import { Client, RouterModel } from './clients';
import { Clock, SimLoop } from './clock';
import { Process, Random } from './event-queue';
import { type FaultName, type Suite, scheduleFaults, suites } from './faults';
import { type Cluster, Host } from './host';
import { Exchange, SimInterconnect } from './interconnect';
import { groupName, type Scene, spareGroup } from './scene';
import { type Counters, World } from './world';

export type Aim = {
  readonly faults: readonly FaultName[];
  readonly mode?: CommitMode;
  readonly members?: 2 | 3;
  /** One of the unusual sizes. */
  readonly size?: string;
};

export type RunOptions = {
  readonly seed: number;
  readonly suite: Suite;
  /** Only these faults, in a group of this mode: to look for one mistake. */
  readonly aim?: Aim;
  /** No further than the first violation: of a deliberate mistake the rest says nothing. */
  readonly stopAtViolation?: boolean;
  /** For replays. */
  readonly trace?: (line: string) => void;
};

export type RunResult = {
  readonly seed: number;
  readonly suite: Suite;
  readonly violations: readonly string[];
  readonly counters: Counters;
  readonly outcome: Outcome;
  /** From the end of the faults until nothing was left to complain of. */
  readonly healedAfterMs: number;
};

/** Whether it counts, or what it lacked. */
export type Outcome =
  | 'counts'
  | 'violation'
  | 'no write after healing'
  | 'too few messages'
  | 'too few faults'
  | 'primary never lost';

const settleMs = 6_000;
const faultPhaseMs = 22_000;
/** Whatever was begun ends by its own deadline (a grant waits 15 s, a command whose request was swallowed 30 s) and is then put right. */
const healPhaseMs = 45_000;
const healStepMs = 1_000;
/** Nothing is judged sooner: what looks healed may be the moment before the next step of an operation. */
const healAtLeastMs = 4_000;

export async function runGroup({ seed, suite, trace, aim, stopAtViolation = false }: RunOptions): Promise<RunResult> {
  const scene = build(seed, suite, trace ?? null, aim ?? null);
  const { world, checker } = scene;
  const unhandled = (error: unknown): void =>
    checker.fail(`a rejection that nobody handled: ${(error as Error)?.stack ?? String(error)}`);
  process.on('unhandledRejection', unhandled);
  try {
    for (const host of scene.hosts) host.startAgent();
    scheduleFaults(scene, aim?.faults ?? suites[suite], settleMs, settleMs + faultPhaseMs);
    if (stopAtViolation) checker.onViolation = () => world.queue.end();
    await world.queue.runUntil(settleMs + faultPhaseMs);
    const before = world.counters.acknowledged;
    const healedAfterMs = await heal(scene, settleMs + faultPhaseMs);
    if (!world.queue.ended) checker.finish();
    const { counters } = world;
    const { violations } = checker;
    return { seed, suite, violations, counters, outcome: outcomeOf(scene, before), healedAfterMs };
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}

function outcomeOf({ world, checker, enoughMessages }: Scene, acknowledgedBefore: number): Outcome {
  const { counters } = world;
  if (checker.violations.length > 0) return 'violation';
  if (counters.acknowledged <= acknowledgedBefore) return 'no write after healing';
  if (counters.deliveries < enoughMessages) return 'too few messages';
  if (counters.faults < 20) return 'too few faults';
  return counters.promotions + counters.restartsAlone < 1 ? 'primary never lost' : 'counts';
}

async function heal({ world, checker }: Scene, from: number): Promise<number> {
  for (let past = healAtLeastMs; past <= healPhaseMs; past += healStepMs) {
    await world.queue.runUntil(from + past);
    if (world.queue.ended || checker.complaints().length === 0) return past;
  }
  return healPhaseMs;
}

function build(seed: number, suite: Suite, trace: ((line: string) => void) | null, aim: Aim | null): Scene {
  const world = new World(seed);
  world.trace = trace;
  const { random } = world;
  const checker = new Checker(world);
  world.checker = checker;
  const drawn = random.chance(0.2) ? 2 : 3;
  const odd = oddSize(new Random(~seed), aim);
  if (odd !== null) world.fired(odd.what);
  const memberCount = odd?.members ?? aim?.members ?? drawn;
  const usual = random.chance(0.3) ? memberCount + 4 : 5;
  const ids = Array.from({ length: odd?.hosts ?? usual }, (_, index) => `n${index + 1}`);
  const exchange = new Exchange();
  const hosts = new Map<string, Host>();
  const groupOf = (id: string): string => (ids.indexOf(id) < memberCount ? groupName : spareGroup);
  const clusterSeed: ClusterSeed = {
    clusterName: 'simulated',
    leaseMs: 2000,
    groups: [
      {
        name: groupName,
        mode: aim?.mode ?? modeOf(random.next(), suite),
        primary: 'n1',
        onNoStandby: random.chance(0.7) ? 'degrade' : 'wait',
      },
    ],
    nodes: ids.map((id) => ({
      id,
      group: groupOf(id),
      region: 'here',
      host: id,
      agentPort: 1,
      postgresPort: 2,
      incarnation: `${id}-1`,
      priority: 100,
    })),
  };
  const voterCount = odd?.voters ?? 5;
  const raft = ids.map((id) => ({ id, incarnation: `${id}-1` }));
  const cluster: Cluster = {
    world,
    exchange,
    seed: clusterSeed,
    hosts,
    bootstrap: { voters: raft.slice(0, voterCount), learners: raft.slice(voterCount) },
  };
  for (const id of ids) {
    const host = new Host(cluster, id, groupOf(id));
    if (trace) host.trace = (line) => world.note(line);
    hosts.set(id, host);
  }
  const all = [...hosts.values()];
  checker.hosts = all;
  const members = all.filter((one) => one.member);
  const router = new RouterModel(world, exchange, members, () => checker.record?.leaseMs ?? 2000);
  for (const through of [null, null, router, router]) new Client(world, members, through);
  return {
    world,
    hosts: all,
    members,
    checker,
    exchange,
    console: consoleOf(world, exchange),
    fewVoters: voterCount < 3,
    enoughMessages: odd?.messages ?? usualMessages,
    record: () => checker.record,
  };
}

/** How large the installation is where it is not as usual. */
type OddSize = {
  readonly what: string;
  readonly members: 1 | 2;
  readonly hosts: number | null;
  readonly voters: number;
  /** That a run must deliver to count: fewer nodes talk less. */
  readonly messages: number;
};
const oddSizes: readonly OddSize[] = [
  { what: 'installation of one node', members: 1, hosts: 1, voters: 1, messages: 400 },
  { what: 'installation of two nodes', members: 2, hosts: 2, voters: 2, messages: 3000 },
  { what: 'group of one member', members: 1, hosts: null, voters: 5, messages: 3000 },
  { what: 'control store founded by one voter', members: 2, hosts: null, voters: 1, messages: 5000 },
];
const usualMessages = 5000;

/** Drawn apart, so that runs of the usual sizes stay as they were. */
function oddSize(random: Random, aim: Aim | null): OddSize | null {
  if (aim !== null) return oddSizes.find((one) => one.what === aim.size) ?? null;
  return random.chance(0.15) ? random.pick(oddSizes) : null;
}

function consoleOf(world: World, exchange: Exchange): SimInterconnect {
  const process = new Process();
  const loop = new SimLoop(world.queue, world.random, new Clock(world.queue, 5), process, () => undefined);
  const self = { name: 'console:c', kind: 'console' as const, nodeId: null, incarnation: null };
  return new SimInterconnect(world, exchange, process, loop, self, 'console');
}

function modeOf(roll: number, suite: Suite): CommitMode {
  if (roll < (suite === 'lease' ? 0.4 : 0.6)) return 'semi_synchronous';
  return roll < (suite === 'lease' ? 0.65 : 0.8) || suite === 'promise' ? 'synchronous' : 'asynchronous';
}
