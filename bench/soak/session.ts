/**
 * One installation under the soak: load on every group, a probe on every node, a consumer of each group's changes, and the proof after each fault. Rows
 * that clients were told of are the only truth: each is looked up by its id.
 */
import { CheckedWorkload } from '../../engine/testing/checked-workload';
import { CommitIntervals } from '../../engine/testing/commit-intervals';
import { contentOf, everyMemberCaughtUp, query } from '../../engine/testing/member-check';
import { delay, type RealCluster } from '../../engine/testing/real-cluster';
import { say } from '../measure/report';
import { ChangeFeed } from './change-feed';
import { type FaultKind, faults } from './fault-kinds';
import { Ledger } from './ledger';
import { NodeProber } from './prober';
import type { SmallDisks } from './small-disks';

export const groups = ['alpha', 'beta'] as const;
const clientsPerGroup = 8;
const healTimeoutMs = 240_000;
const betweenFaultsMs = 1_000;
/** Longer than a lost heartbeat takes to be noticed. */
const steadyMs = 2_500;

export class Violation extends Error {}

export type Plan = { readonly number: number; readonly kind: FaultKind; readonly group: string };

export type FaultResult = Plan & {
  readonly what: string;
  readonly outageMs: number;
  readonly healedMs: number;
  readonly newPrimary: boolean;
};

export class Session {
  readonly #begun = performance.now();
  readonly #feeds = new Map<string, ChangeFeed>();
  checkedRows = 0;

  private constructor(
    private readonly cluster: RealCluster,
    private readonly disks: SmallDisks | null,
    private readonly workloads: ReadonlyMap<string, CheckedWorkload>,
    private readonly ledgers: ReadonlyMap<string, Ledger>,
    private readonly probers: readonly { readonly group: string; readonly prober: NodeProber }[],
    private readonly intervals: ReadonlyMap<string, CommitIntervals>,
  ) {}

  static async open(cluster: RealCluster, disks: SmallDisks | null, thinkMs: number): Promise<Session> {
    const door = await cluster.door();
    await door.healed(healTimeoutMs);
    const intervals = new Map(groups.map((group) => [group as string, new CommitIntervals()]));
    const workloads = new Map<string, CheckedWorkload>();
    const ledgers = new Map<string, Ledger>();
    for (const group of groups) {
      const connect = () => cluster.service(`${group}-rw`);
      await CheckedWorkload.createTable(await connect());
      await query(await connect(), NodeProber.table);
      workloads.set(group, new CheckedWorkload({ connect, clients: clientsPerGroup, tag: group, thinkMs }));
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
    return new Session(cluster, disks, workloads, ledgers, probers, intervals);
  }

  /** Consumers see what is written from here on. */
  async openFeeds(): Promise<void> {
    for (const group of groups) this.#feeds.set(group, await ChangeFeed.open(this.cluster, group));
    await (await this.cluster.door()).healed(healTimeoutMs, steadyMs);
    for (const group of groups) this.#note(group);
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

  get consumed(): number {
    return [...this.#feeds.values()].reduce((sum, feed) => sum + feed.size, 0);
  }

  async fault(plan: Plan, random: () => number): Promise<FaultResult> {
    const { kind, group, number } = plan;
    const { cluster, disks } = this;
    for (const feed of this.#feeds.values()) await feed.copiesReady();
    await delay(betweenFaultsMs);
    const door = await cluster.door();
    const before = await door.group(group);
    say(`${number} ${kind} ${group} …`);
    const begun = performance.now();
    const { what, afterwards } = await faults[kind]({ cluster, door, group, random, disks }).catch((error: Error) => {
      throw new Error(`${kind} of ${group}: ${error.message}`);
    });
    const healed = await (await cluster.door()).healed(healTimeoutMs, steadyMs).catch((error: Error) => {
      throw new Error(`after ${kind} of ${group} (${what}): ${error.message}`);
    });
    const after = await (await cluster.door()).group(group);
    await this.#check(what);
    const wrong = await afterwards?.();
    if (wrong) throw new Violation(`after ${kind} of ${group} (${what}): ${wrong}`);
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
      `${number} ${kind} ${group}: ${what}; outage ${result.outageMs} ms, healed after ${result.healedMs} ms, ${result.newPrimary ? `epoch ${after.record.epoch}` : 'same epoch'}; ${this.checkedRows} rows checked, ${this.consumed} changes consumed, ${Math.round(this.commits / this.seconds)} commits/s`,
    );
    return result;
  }

  /** What clients and probes were told since the last call, for the proof. */
  #note(group: string): readonly string[] {
    const ledger = this.ledgers.get(group) as Ledger;
    const written = this.workloads.get(group)?.takeAcknowledged() ?? [];
    const probed = this.probers.filter((one) => one.group === group).flatMap(({ prober }) => prober.take());
    ledger.add('checked_writes', written);
    ledger.add('probe_commits', probed);
    return [...written, ...probed];
  }

  async #check(what: string, all = false): Promise<void> {
    for (const [group, ledger] of this.ledgers) {
      const noted = this.#note(group);
      const feed = this.#feeds.get(group);
      feed?.expect(noted);
      const losses = await ledger.check(all);
      for (const loss of losses)
        say(`lost on ${loss.node} in ${loss.table}: ${loss.ids.length}, ${loss.ids.slice(0, 5).join(', ')}`);
      if (losses.length > 0) throw new Violation(`acknowledged rows are missing in ${group} after ${what}`);
      for (const finding of this.intervals.get(group)?.violations() ?? [])
        throw new Violation(`${group}: ${finding.sentence}, after ${what}`);
      const unseen = await feed?.check();
      if (unseen) throw new Violation(`${unseen}, after ${what}`);
    }
    this.checkedRows = [...this.ledgers.values()].reduce((sum, ledger) => sum + ledger.size, 0);
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...[...this.workloads.values()].map((workload) => workload.stop()),
      ...this.probers.map(({ prober }) => prober.stop()),
    ]);
  }

  async stopFeeds(): Promise<void> {
    await Promise.all([...this.#feeds.values()].map((feed) => feed.stop()));
  }

  /** Nobody writes any more: all rows again on every member, the members equal row by row, and nothing consumed that no member has. */
  async finish(): Promise<void> {
    await this.stop();
    await (await this.cluster.door()).healed(healTimeoutMs);
    await this.#check('everything', true);
    for (const group of groups) {
      const members = await everyMemberCaughtUp(this.cluster, group, 60_000);
      for (const name of ['checked_writes', 'probe_commits']) {
        const contents = [];
        for (const node of members) contents.push(await contentOf(this.cluster, node, name));
        if (new Set(contents.map((one) => `${one.rows} ${one.checksum}`)).size > 1)
          throw new Violation(`${group}: ${name} differs between members: ${JSON.stringify(contents)}`);
      }
      const taken = this.#feeds.get(group)?.taken() ?? [];
      const unknown = await (this.ledgers.get(group) as Ledger).absent(taken);
      if (unknown.length > 0)
        throw new Violation(
          `the consumer of ${group} was given ${unknown.length} rows that are not there: ${unknown.slice(0, 5).join(', ')}`,
        );
    }
    await this.stopFeeds();
  }
}
