/**
 * The soak on a real installation: both groups under load, a probe on every node, one fault after the other, and after each heal the proof: every
 * acknowledged row on every member, and no two nodes of a group that acknowledged in overlapping intervals. Stops at the first violation with the
 * installation left as it is.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { CheckedWorkload } from '../../engine/testing/checked-workload';
import { CommitIntervals } from '../../engine/testing/commit-intervals';
import { beforeLevels, earlierRelease } from '../../engine/testing/earlier-release';
import { contentOf, everyMemberCaughtUp, query } from '../../engine/testing/member-check';
import { delay, distDirectory, RealCluster } from '../../engine/testing/real-cluster';
import { rollingUpgrade } from '../../engine/testing/rolling-upgrade';
import { say, table } from '../measure/report';
import { maximum, median, seededRandom } from '../measure/statistics';
import { type FaultKind, faultKinds, inflict } from './fault-kinds';
import { Ledger } from './ledger';
import { NodeProber } from './prober';

const groups = ['alpha', 'beta'] as const;
const clientsPerGroup = 8;
const healTimeoutMs = 180_000;
const betweenFaultsMs = 1_000;
/** Longer than a lost heartbeat takes to be noticed. */
const steadyMs = 2_500;

export type FaultResult = {
  readonly number: number;
  readonly kind: FaultKind;
  readonly group: string;
  readonly what: string;
  readonly outageMs: number;
  readonly healedMs: number;
  readonly newPrimary: boolean;
};

export type SoakState = {
  readonly seed: number;
  readonly results: FaultResult[];
  commits: number;
  seconds: number;
  checkedRows: number;
  lateAnswers: number;
};

export type ClusterSoakOptions = {
  readonly faults: number;
  readonly seed: number;
  readonly resumeFile: string | null;
  readonly thinkMs: number;
  readonly kinds: readonly FaultKind[];
};

class Violation extends Error {}

export async function clusterSoak(options: ClusterSoakOptions): Promise<{ state: SoakState; failed: boolean }> {
  const state = loadState(options);
  const save = () => {
    if (options.resumeFile) writeFileSync(options.resumeFile, `${JSON.stringify(state, null, 1)}\n`);
  };
  let interrupted = false;
  const onSignal = () => {
    interrupted = true;
    say('stopping after this fault');
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const dist = options.kinds.includes('upgrade') ? earlierRelease(beforeLevels) : distDirectory();
  const cluster = await RealCluster.start({ through: 'engine', readyTimeoutMs: 120_000, dist });
  say(`seed ${state.seed}; cluster in ${cluster.dataDirectory}`);
  const session = await Session.open(cluster, options.thinkMs);
  let failed = false;
  try {
    if (dist !== distDirectory()) {
      await rollingUpgrade(cluster, distDirectory());
      say('upgraded under load from the release before');
    }
    while (state.results.length < options.faults && !interrupted) {
      const plan = faultNumber(state, options.kinds);
      const result = await session.fault(plan, seededRandom(state.seed * 1_000 + plan.number));
      state.results.push(result);
      save();
    }
    await session.finish();
  } catch (error) {
    failed = true;
    say(`${error instanceof Violation ? 'VIOLATION' : 'FAILED'}: ${(error as Error).message}`);
    say(`seed ${state.seed}, fault ${state.results.length + 1}; the installation is left in ${cluster.dataDirectory}`);
    await session.stop();
  }
  state.commits += session.commits;
  state.seconds += session.seconds;
  state.checkedRows += session.checkedRows;
  state.lateAnswers += session.lateAnswers;
  save();
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  await (failed ? leave(cluster) : cluster.destroy());
  return { state, failed };
}

/** Processes go, the data stays: logs and databases are the evidence. */
async function leave(cluster: RealCluster): Promise<void> {
  await cluster.destroy(true);
}

type Plan = { readonly number: number; readonly kind: FaultKind; readonly group: string };

/** Each round holds every kind once, in an order of its own; groups take turns within a kind. */
function faultNumber(state: SoakState, kinds: readonly FaultKind[]): Plan {
  const number = state.results.length + 1;
  const round = Math.floor((number - 1) / kinds.length);
  const random = seededRandom(state.seed + round * 7_919);
  const order = [...kinds].map((kind) => ({ kind, at: random() })).sort((a, b) => a.at - b.at);
  const kind = order[(number - 1) % kinds.length]?.kind as FaultKind;
  return { number, kind, group: groups[(round + kinds.indexOf(kind)) % groups.length] as string };
}

function loadState(options: ClusterSoakOptions): SoakState {
  if (options.resumeFile && existsSync(options.resumeFile))
    return JSON.parse(readFileSync(options.resumeFile, 'utf8')) as SoakState;
  return { seed: options.seed, results: [], commits: 0, seconds: 0, checkedRows: 0, lateAnswers: 0 };
}

class Session {
  readonly #begun = performance.now();
  checkedRows = 0;

  private constructor(
    private readonly cluster: RealCluster,
    private readonly workloads: ReadonlyMap<string, CheckedWorkload>,
    private readonly ledgers: ReadonlyMap<string, Ledger>,
    private readonly probers: readonly { readonly group: string; readonly prober: NodeProber }[],
    private readonly intervals: ReadonlyMap<string, CommitIntervals>,
  ) {}

  static async open(cluster: RealCluster, thinkMs: number): Promise<Session> {
    const door = await cluster.door();
    await door.healed(healTimeoutMs);
    const intervals = new Map(groups.map((group) => [group as string, new CommitIntervals()]));
    const workloads = new Map<string, CheckedWorkload>();
    const ledgers = new Map<string, Ledger>();
    for (const group of groups) {
      const service = await cluster.service(`${group}-rw`);
      await CheckedWorkload.createTable(service);
      await query(service, NodeProber.table);
      workloads.set(
        group,
        new CheckedWorkload({ connect: async () => service, clients: clientsPerGroup, tag: group, thinkMs }),
      );
      ledgers.set(group, new Ledger(cluster, group));
    }
    const probers: { group: string; prober: NodeProber }[] = [];
    for (const { record } of (await door.view()).nodes) {
      const config = await cluster.direct(record.id);
      const prober = new NodeProber(record.id, config, (commit) => intervals.get(record.group)?.add(commit));
      probers.push({ group: record.group, prober });
    }
    for (const workload of workloads.values()) workload.start();
    for (const { prober } of probers) prober.start();
    return new Session(cluster, workloads, ledgers, probers, intervals);
  }

  get commits(): number {
    return [...this.workloads.values()].reduce((sum, workload) => sum + workload.commits.length, 0);
  }

  get seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  get lateAnswers(): number {
    return [...this.intervals.values()].flatMap((one) => one.findings()).filter((one) => one.kind === 'late-answer')
      .length;
  }

  async fault(plan: Plan, random: () => number): Promise<FaultResult> {
    const { kind, group, number } = plan;
    const door = await this.cluster.door();
    await delay(betweenFaultsMs);
    const before = await door.group(group);
    const begun = performance.now();
    const what = await inflict(kind, { cluster: this.cluster, door, group, random });
    const healed = await door.healed(healTimeoutMs, steadyMs);
    const after = await door.group(group);
    await this.#check(false);
    const result: FaultResult = {
      number,
      kind,
      group,
      what,
      outageMs: Math.round(this.workloads.get(group)?.longestPause(begun, healed).ms ?? 0),
      healedMs: Math.round(healed - begun),
      newPrimary: after.record.epoch !== before.record.epoch,
    };
    say(
      `${number} ${kind} ${group}: ${what}; outage ${result.outageMs} ms, healed after ${result.healedMs} ms, ${result.newPrimary ? `epoch ${after.record.epoch}` : 'same epoch'}; ${this.checkedRows} rows checked, ${Math.round(this.commits / this.seconds)} commits/s`,
    );
    return result;
  }

  async #check(all: boolean): Promise<void> {
    for (const [group, workload] of this.workloads) {
      const ledger = this.ledgers.get(group) as Ledger;
      ledger.add('checked_writes', workload.takeAcknowledged());
      for (const one of this.probers) if (one.group === group) ledger.add('probe_commits', one.prober.take());
      const losses = await ledger.check(all);
      for (const loss of losses)
        say(`lost on ${loss.node} in ${loss.table}: ${loss.ids.length}, ${loss.ids.slice(0, 5).join(', ')}`);
      if (losses.length > 0) throw new Violation(`acknowledged rows are missing in ${group}`);
      for (const finding of this.intervals.get(group)?.violations() ?? [])
        throw new Violation(`${group}: ${finding.sentence}`);
    }
    this.checkedRows = [...this.ledgers.values()].reduce((sum, ledger) => sum + ledger.size, 0);
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...[...this.workloads.values()].map((workload) => workload.stop()),
      ...this.probers.map(({ prober }) => prober.stop()),
    ]);
  }

  /** Nobody writes any more: all rows again on every member, and the members equal row by row. */
  async finish(): Promise<void> {
    await this.stop();
    await (await this.cluster.door()).healed(healTimeoutMs);
    await this.#check(true);
    for (const group of groups) {
      const members = await everyMemberCaughtUp(this.cluster, group, 60_000);
      for (const name of ['checked_writes', 'probe_commits']) {
        const contents = [];
        for (const node of members) contents.push(await contentOf(this.cluster, node, name));
        if (new Set(contents.map((one) => `${one.rows} ${one.checksum}`)).size > 1)
          throw new Violation(`${group}: ${name} differs between members: ${JSON.stringify(contents)}`);
      }
    }
  }
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
  const head = ['fault', 'times', 'new epoch', 'median outage ms', 'max ms', 'median healed ms', 'max ms'];
  return [
    table(head, rows),
    '',
    `seed ${state.seed}: ${state.results.length} faults, ${state.commits} commits acknowledged (${Math.round(state.commits / Math.max(1, state.seconds))}/s over ${Math.round(state.seconds)} s), ${state.checkedRows} rows checked on every node, ${state.lateAnswers} late answers`,
  ].join('\n');
}
