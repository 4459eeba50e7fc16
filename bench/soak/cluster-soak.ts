/**
 * The soak on a real installation: both groups under load, one fault after the other, and after each heal the proof (`session.ts`). Stops at the first
 * violation with the installation's data left as it is.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { beforeLevels, earlierRelease } from '../../engine/testing/earlier-release';
import { distDirectory, RealCluster } from '../../engine/testing/real-cluster';
import { rollingUpgrade } from '../../engine/testing/rolling-upgrade';
import { say, table } from '../measure/report';
import { maximum, median, seededRandom } from '../measure/statistics';
import { type FaultKind, faultKinds, needsDisks } from './fault-kinds';
import { type FaultResult, groups, type Plan, Session, Violation } from './session';
import { SmallDisks } from './small-disks';

/** Of the group whose disks may be full. */
const nodesWithSmallDisks = ['node-1', 'node-2', 'node-3'];
const groupWithSmallDisks = 'alpha';

export type SoakState = {
  readonly seed: number;
  readonly results: FaultResult[];
  commits: number;
  seconds: number;
  checkedRows: number;
  consumed: number;
  lateAnswers: number;
};

export type ClusterSoakOptions = {
  readonly faults: number;
  readonly seed: number;
  readonly resumeFile: string | null;
  readonly thinkMs: number;
  readonly kinds: readonly FaultKind[];
};

export async function clusterSoak(options: ClusterSoakOptions): Promise<{ state: SoakState; failed: boolean }> {
  const state = loadState(options);
  let interrupted = false;
  const onSignal = () => {
    interrupted = true;
    say('stopping after this fault');
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const dist = options.kinds.includes('upgrade') ? earlierRelease(beforeLevels) : distDirectory();
  const { cluster, disks } = await installation(options, dist);
  say(`seed ${state.seed}; cluster in ${cluster.dataDirectory}`);
  const session = await Session.open(cluster, disks, options.thinkMs);
  const before = { ...state };
  const save = () => {
    for (const name of ['commits', 'seconds', 'checkedRows', 'consumed', 'lateAnswers'] as const)
      state[name] = before[name] + session[name];
    if (options.resumeFile) writeFileSync(options.resumeFile, `${JSON.stringify(state, null, 1)}\n`);
  };
  let failed = false;
  try {
    if (dist !== distDirectory()) {
      await rollingUpgrade(cluster, distDirectory());
      say('upgraded under load from the release before');
    }
    await session.openFeeds();
    while (state.results.length < options.faults && !interrupted) {
      const plan = faultNumber(state, options.kinds);
      state.results.push(await session.fault(plan, seededRandom(state.seed * 1_000 + plan.number)));
      save();
    }
    await session.finish();
  } catch (error) {
    failed = true;
    say(`${error instanceof Violation ? 'VIOLATION' : 'FAILED'}: ${(error as Error).message}`);
    say(`seed ${state.seed}, fault ${state.results.length + 1}; its data is left in ${cluster.dataDirectory}`);
    await Promise.all([session.stop(), session.stopFeeds()]);
  }
  save();
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  await leave(cluster, disks, failed);
  return { state, failed };
}

async function installation(
  { kinds }: ClusterSoakOptions,
  dist: string,
): Promise<{ cluster: RealCluster; disks: SmallDisks | null }> {
  let disks: SmallDisks | null = null;
  const wanted = kinds.some((kind) => needsDisks.has(kind));
  const cluster = await RealCluster.start({
    through: 'engine',
    readyTimeoutMs: 120_000,
    dist,
    ownProcessGroup: true,
    prepare: (made) => {
      if (!wanted) return;
      disks = SmallDisks.mount(made, nodesWithSmallDisks);
      if (!disks) throw new Error('kinds with full disks need root on Linux: leave them out with --kinds');
    },
  });
  return { cluster, disks };
}

/** Processes go; after a violation the data stays: logs and databases are the evidence. */
async function leave(cluster: RealCluster, disks: SmallDisks | null, keep: boolean): Promise<void> {
  await cluster.destroy(true);
  if (keep) disks?.keep();
  else {
    disks?.unmount();
    rmSync(cluster.dataDirectory, { recursive: true, force: true });
  }
}

/** Each round holds every kind once, in an order of its own; groups take turns within a kind. */
function faultNumber(state: SoakState, kinds: readonly FaultKind[]): Plan {
  const number = state.results.length + 1;
  const round = Math.floor((number - 1) / kinds.length);
  const random = seededRandom(state.seed + round * 7_919);
  const order = [...kinds].map((kind) => ({ kind, at: random() })).sort((a, b) => a.at - b.at);
  const kind = order[(number - 1) % kinds.length]?.kind as FaultKind;
  const turn = groups[(round + kinds.indexOf(kind)) % groups.length] as string;
  return { number, kind, group: needsDisks.has(kind) ? groupWithSmallDisks : turn };
}

function loadState(options: ClusterSoakOptions): SoakState {
  const fresh = {
    seed: options.seed,
    results: [],
    commits: 0,
    seconds: 0,
    checkedRows: 0,
    consumed: 0,
    lateAnswers: 0,
  };
  if (!options.resumeFile || !existsSync(options.resumeFile)) return fresh;
  return { ...fresh, ...(JSON.parse(readFileSync(options.resumeFile, 'utf8')) as SoakState) };
}

export function clusterSummary(state: SoakState): string {
  const rows = faultKinds
    .map((kind) => ({ kind, own: state.results.filter((result) => result.kind === kind) }))
    .filter(({ own }) => own.length > 0)
    .map(({ kind, own }) => [
      kind,
      own.length,
      own.filter((result) => result.newPrimary).length,
      median(own.map((result) => result.outageMs)),
      maximum(own.map((result) => result.outageMs)),
      Math.round(median(own.map((result) => result.healedMs))),
      Math.round(maximum(own.map((result) => result.healedMs))),
    ]);
  const head = ['fault', 'times', 'new epoch', 'median write gap ms', 'max ms', 'median healed ms', 'max ms'];
  return [
    table(head, rows),
    '',
    `seed ${state.seed}: ${state.results.length} faults, ${state.commits} commits acknowledged (${Math.round(state.commits / Math.max(1, state.seconds))}/s over ${Math.round(state.seconds)} s), ${state.checkedRows} rows checked on every node, ${state.consumed} changes consumed, ${state.lateAnswers} late answers`,
  ].join('\n');
}
