/**
 * One seeded run: a group under load and faults, then healed, then judged. Equal (seed, suite, mutation) give equal runs.
 * A run counts when it delivered ≥ 5,000 messages, saw ≥ 20 faults and ≥ 1 loss of the primary, and ended healed with progress.
 */
import type { GroupRecord } from '../../cluster/model';
import { AgentModel } from './agent-model';
import { Checker } from './checkers';
import { Client, RouterModel } from './clients';
import { ControllerModel } from './controller-model';
import { type Scene, type Suite, scheduleFaults } from './faults';
import { SimNode } from './node';
import { StoreModel } from './store-model';
import { type Counters, type Mutation, World } from './world';

export type RunOptions = {
  readonly seed: number;
  readonly suite: Suite;
  readonly mutation?: Mutation;
  /** Looks at the scene before it is judged; for replays. */
  readonly trace?: (line: string) => void;
  readonly inspect?: (scene: Scene) => void;
};

export type RunResult = {
  readonly seed: number;
  readonly suite: Suite;
  readonly violations: readonly string[];
  readonly counters: Counters;
  readonly primaryLosses: number;
  readonly counting: boolean;
};

const leaseMs = 2000;
const faultPhaseMs = 22_000;
const healPhaseMs = 12_000;

export function runGroup({ seed, suite, mutation = 'none', inspect, trace }: RunOptions): RunResult {
  const world = new World(seed, mutation);
  const { random } = world;
  world.trace = trace ?? null;
  const memberCount = random.chance(0.2) ? 2 : 3;
  const nodes = Array.from(
    { length: random.chance(0.3) ? memberCount + 4 : 5 },
    (_, index) => new SimNode(world, `n${index + 1}`, index < memberCount),
  );
  const members = nodes.filter((node) => node.member);
  const store = new StoreModel(world, firstRecord(world, suite), leaseMs);
  store.nodes = nodes;
  const checker = new Checker(world);
  checker.nodes = nodes;
  checker.store = store;
  world.checker = checker;

  const failSafe = random.chance(suite === 'lease' ? 0.4 : 0.7);
  checker.failSafe = failSafe;
  for (const node of nodes) {
    node.startAgent = () => {
      const agent = new AgentModel(node, store, members, failSafe);
      node.agent = agent;
      agent.begin();
    };
  }
  const first = nodes[0]!;
  first.disk.data.standbySignal = false;
  first.disk.member = { promisedEpoch: 1, controllerTerm: 0, lastHeldEpoch: 1 };
  for (const node of nodes) node.startAgent();
  store.begin(random.pick(nodes));

  const controller = new ControllerModel(world, store, members);
  const router = new RouterModel(world, members, leaseMs);
  const clients = [null, null, router, router].map((one) => new Client(world, members, one));
  const scene: Scene = { world, nodes, members, store, controller };
  scheduleFaults(scene, suite, faultPhaseMs);

  world.queue.runUntil(faultPhaseMs);
  const before = world.counters.acknowledged;
  world.queue.runUntil(faultPhaseMs + healPhaseMs);
  inspect?.(scene);
  checker.finish();
  const { counters } = world;
  const primaryLosses = counters.promotions;
  const progress = counters.acknowledged > before && clients.length > 0;
  const counting =
    checker.violations.length === 0 &&
    progress &&
    counters.deliveries >= 5000 &&
    counters.faults >= 20 &&
    primaryLosses >= 1;
  return { seed, suite, violations: checker.violations, counters, primaryLosses, counting };
}

function firstRecord(world: World, suite: Suite): GroupRecord {
  const roll = world.random.next();
  const mode =
    roll < (suite === 'lease' ? 0.4 : 0.6)
      ? 'semi_synchronous'
      : roll < (suite === 'lease' ? 0.65 : 0.8) || suite === 'promise'
        ? 'synchronous'
        : 'asynchronous';
  return {
    name: 'alpha',
    mode,
    epoch: 1,
    primary: 'n1',
    leaseReleased: false,
    voterSet: { members: [], k: 0 },
    promotable: mode === 'asynchronous' ? 'voters' : 'none',
    onNoStandby: world.random.chance(0.7) ? 'degrade' : 'wait',
    failoverWait: world.random.chance(0.7) ? 'promise' : 'lease',
    automaticFailover: true,
    automaticFailoverPausedBy: null,
    timeline: 1,
    timelineHistory: [{ epoch: 1, timeline: 1, startLsn: '0/0', primary: 'n1', at: '' }],
    operation: null,
    settings: {},
    createdAt: '',
  };
}
