/**
 * Brings this node's PostgreSQL to what the group record says, one action per cycle, whatever happened before: clone, start, follow, compare,
 * rejoin, restart in place. Level-triggered: it looks at the record and at the server, never at what it did last.
 *
 * Invariants kept: PostgreSQL starts without standby.signal only under a held lease; a member follows only the record's primary of an epoch at or
 * above its promise; data is thrown away only while a healthy newer primary answers.
 */
import { decideRejoin, timelineWasReused } from '../cluster/core/rejoin';
import type { GroupRecord, NodeRecord } from '../cluster/model';
import { messageOf } from '../kernel/errors';
import type { Epoch } from '../kernel/ids';
import type { Timer } from '../kernel/loop';
import { every } from '../kernel/waiting';
import type { Settings } from '../postgres/runtime-settings';
import { slotName } from '../postgres/settings';
import { decideFollow, decideResume, type ResumeDecision } from './core/promise';
import { walGoneWords, walIsGone } from './core/wal-gone';
import type { EarlierLife } from './earlier-life';
import { askPrimary, checkFork } from './fork-check';
import { GivenBack } from './given-back';
import { HandPromotion } from './hand-promotion';
import type { LeaseHolder } from './lease-holder';
import type { NewDisk } from './new-disk';
import { groupFact, type NodeContext, nodeRecord } from './node-context';
import { type PrimaryFacts, type TakeEpoch, takeEpochMethod } from './peer-questions';
import { endedWithoutData, lookAtPrimaryDirectory, otherSystem, unfitToServe } from './primary-directory';
import { ServerStarts } from './server-starts';
import type { StandbyStop } from './standby-stop';
import { keepStopped } from './stopped-by-hand';
import type { Successors } from './successors';

const cycleMs = 250;
/** Settled: nothing to do until something triggers, or a slow look finds what no trigger told. */
const settledCycleMs = 1_000;
const reportAgeMs = 400;
const stopTimeoutMs = 30_000;
const questionTimeoutMs = 1_500;
const failureBackoffMs = [100, 250, 500, 1_000, 2_000, 5_000];
/** A promise of an epoch that no record follows within this many leases was abandoned. */
const abandonedAfterMs = 4_000;
/** A standby that is not streaming for this long although its primary is healthy may lack WAL the primary no longer has. */
const notStreamingMs = 10_000;

/** `changing`: starting, recovering or stopping; look again instead of acting on a guess. */
type ServerRole = 'primary' | 'standby' | 'changing' | 'none';

export type MemberLoopOptions = {
  readonly context: NodeContext;
  readonly lease: LeaseHolder;
  readonly successors: Successors;
  readonly standbyStop: StandbyStop;
  readonly earlierLife: EarlierLife;
  readonly newDisk: NewDisk;
  /** By what length this node counts its lease when the record still names it. */
  readonly lengthToResume: (record: GroupRecord) => number | undefined;
  /** The server began to serve as primary in place (start or restart), not by promotion. */
  readonly onServing: () => void;
  readonly onRouteChange: () => void;
  /** As holder: take this epoch by a grant to oneself. */
  readonly takeEpoch: (epoch: Epoch) => Promise<void>;
  /** The lease was given back and nobody took it: take the next epoch. */
  readonly takeBack: () => Promise<void>;
  /** What the group record wants of PostgreSQL: written before a start, for a server that does not start can't be told. */
  readonly settingsForStart: () => Promise<Settings>;
};

export class MemberLoop {
  #timer: Timer | null = null;
  #running = false;
  #again = false;
  #stopped = false;
  #failures = 0;
  #notBefore = 0;
  #activity: string | null = 'starting';
  #troubles: string[] = [];
  #followedEpoch = 0;
  #recloneWanted = false;
  #backup: AbortController | null = null;
  #backupBytes = 0;
  #waitingForEpochSince: number | null = null;
  readonly #givenBack: GivenBack;
  #notStreamingSince: number | null = null;
  /** Why this member's data is no part of the primary's history, or not its own; it is copied anew. */
  #diverged: string | null = null;
  /** The data directory was copied under this epoch in this life. */
  #copiedEpoch = 0;
  readonly #starts: ServerStarts;
  readonly #byHand: HandPromotion;

  constructor(private readonly options: MemberLoopOptions) {
    this.#byHand = new HandPromotion(options.context);
    this.#starts = new ServerStarts(options.context, options.settingsForStart);
    const { context, lease, takeBack } = options;
    this.#givenBack = new GivenBack(context.loop, lease, (record) => unfitToServe(context, record), takeBack);
  }

  get activity(): string | null {
    return this.#activity;
  }

  get troubles(): readonly string[] {
    return this.#diverged === null ? this.#troubles : [this.#diverged, ...this.#troubles];
  }

  /** Whose primary this standby follows; 0: none yet. */
  get followedEpoch(): Epoch {
    return this.#followedEpoch;
  }

  get starts(): Pick<ServerStarts, 'failures' | 'unserved' | 'outcome'> {
    return this.#starts;
  }

  get backupBytes(): number {
    return this.#backupBytes;
  }

  #now(): number {
    return this.options.context.loop.now();
  }

  start(): void {
    this.trigger();
  }

  stop(): void {
    this.#stopped = true;
    this.#backup?.abort();
    this.#timer?.cancel();
  }

  /** A copy is under way whose source may no longer be the right one. */
  abortBackup(): void {
    this.#backup?.abort();
  }

  get copying(): boolean {
    return this.#backup !== null;
  }

  /** A fresh copy is wanted by the operator; done by the loop once a healthy newer primary answers. */
  wantReclone(): void {
    this.#recloneWanted = true;
    this.trigger();
  }

  get recloneWanted(): boolean {
    return this.#recloneWanted;
  }

  /** After a promotion the node follows nobody. */
  forgetUpstream(): void {
    this.#followedEpoch = 0;
  }

  /** Looks again now, without waiting out a backoff. */
  trigger(): void {
    this.#notBefore = 0;
    this.options.context.reports.invalidate();
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#stopped) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    this.#timer?.cancel();
    try {
      if (this.#now() >= this.#notBefore) {
        await this.options.context.serverQueue.run(() => this.#cycle());
        this.#failures = 0;
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#running = false;
    if (this.#again) {
      this.#again = false;
      queueMicrotask(() => void this.#run());
      return;
    }
    if (!this.#stopped)
      this.#timer = this.options.context.loop.after(
        this.#activity === null ? settledCycleMs : cycleMs,
        () => void this.#run(),
      );
  }

  #failed(error: unknown): void {
    const wait = failureBackoffMs[Math.min(this.#failures, failureBackoffMs.length - 1)] ?? 5_000;
    this.#failures++;
    this.#notBefore = this.#now() + wait;
    const message = messageOf(error);
    if (this.#troubles[0] !== message)
      this.options.context.logger.warn({ error: message, retryInMs: wait }, 'not done, trying again');
    this.#troubles = [message];
  }

  #settled(): void {
    this.#activity = null;
    this.#troubles = [];
  }

  #doing(activity: string): void {
    if (this.#activity !== activity) this.options.context.logger.info({ activity }, 'doing');
    this.#activity = activity;
  }

  async #cycle(): Promise<void> {
    const { context } = this.options;
    const fact = groupFact(context);
    const own = nodeRecord(context, context.config.nodeId);
    if (!fact || !own) return this.#doing('waiting for the control store');
    if (await endedWithoutData(context, (what) => this.#doing(what))) return this.trigger();
    if (own.wanted === 'stopped') return this.#stopByHand();
    if (fact.record.primary === context.config.nodeId) return this.#asPrimary(fact.record);
    return this.#asMember(fact.record);
  }

  async #stopByHand(): Promise<void> {
    if ((await keepStopped(this.options, (what) => this.#doing(what))) === 'not-yet') return;
    this.#activity = 'stopped by hand';
    this.#troubles = [];
  }

  // ------------------------------------------------------------ as the record's primary
  async #asPrimary(record: GroupRecord): Promise<void> {
    const { lease, earlierLife } = this.options;
    this.#diverged = null;
    if (record.leaseReleased) return this.#doing(await this.#givenBack.look(record));
    this.#givenBack.isOver();
    const resume = this.#mayResume(record);
    if (resume.kind === 'wait') return this.#doing(`promised epoch ${resume.forEpoch}: waits for it`);
    if (lease.epoch === null || lease.epoch < record.epoch) {
      const serving = (await this.#serverRole()) === 'primary';
      lease.input({ kind: 'resumed', epoch: record.epoch, serving, leaseMs: this.options.lengthToResume(record) });
      lease.wake();
    }
    if (resume.kind === 'resume-and-take' && lease.holds(record.epoch)) {
      await this.options.takeEpoch(resume.epoch);
      return this.trigger();
    }
    const role = await this.#serverRole();
    if (role === 'primary') {
      this.#starts.served();
      this.#givenBack.serves();
      return this.#settled();
    }
    if (role === 'changing') return this.#doing('PostgreSQL is starting or stopping');
    if (!lease.mayStart(record.epoch)) return this.#doing('waits for the lease to be confirmed');
    if (earlierLife.mayStillWrite) {
      await earlierLife.shutOut(record.epoch);
      return this.trigger();
    }
    if (role === 'standby') return this.#promoteIfForgotten(record);
    await this.#startAsPrimary(record);
  }

  #mayResume(record: GroupRecord): ResumeDecision {
    const { current } = this.options.context.durable;
    if (current.promisedEpoch <= record.epoch) this.#waitingForEpochSince = null;
    else this.#waitingForEpochSince ??= this.#now();
    const waitedMs = this.#now() - (this.#waitingForEpochSince ?? this.#now());
    return decideResume(current, record, waitedMs, abandonedAfterMs);
  }

  /** Granted but never promoted, and no operation is there to do it: the controller and its operation were lost together. */
  async #promoteIfForgotten(record: GroupRecord): Promise<void> {
    const { context, lease } = this.options;
    if (record.operation !== null) return this.#doing('waits for the promotion');
    this.#doing('promoting: the grant stands and no operation goes on with it');
    lease.input({ kind: 'server-starting' });
    await context.postgres.setRole('primary', lease.leaseLeftMs());
    await context.postgres.setSynchronousStandbys(record.voterSet.members, record.voterSet.k);
    if (!lease.mayStart(record.epoch)) return;
    await context.postgres.promote(30_000, record.timeline);
    this.options.onServing();
  }

  async #startAsPrimary(record: GroupRecord): Promise<void> {
    const { context, lease } = this.options;
    const found = await lookAtPrimaryDirectory(context, record);
    if (found.kind === 'to-create') {
      this.#doing('creating the group\u2019s first database');
      await context.postgres.bootstrap();
      return this.trigger();
    }
    if (found.kind === 'unusable') {
      lease.input({ kind: 'give-back', mode: 'now' });
      throw new Error(
        `The primary of ${record.name} can't start: ${found.why}. The lease is given back so that a standby can take over.`,
      );
    }
    if (!(await context.postgres.isDead())) await context.postgres.killAll();
    if (!lease.mayStart(record.epoch)) return;
    if (found.standbySignal) {
      this.#doing('starting as standby: it was granted the lease before its promotion');
      await this.#starts.standby({ follow: false });
      return this.trigger();
    }
    this.#doing('starting as primary');
    lease.input({ kind: 'server-starting' });
    const recovered = this.#progressTimer();
    try {
      await this.#starts.primary(() => lease.leaseLeftMs());
    } finally {
      recovered.cancel();
    }
    this.#settled();
    this.options.onServing();
  }

  /** Crash recovery may take long: say so in the report while it lasts. */
  #progressTimer(): Timer {
    const begun = this.#now();
    return every(this.options.context.loop, 1000, () => {
      this.#activity = `starting as primary: recovering for ${Math.round((this.#now() - begun) / 1000)} s`;
    });
  }

  // ------------------------------------------------------------ as a member
  async #asMember(record: GroupRecord): Promise<void> {
    const { context, lease } = this.options;
    if (lease.epoch !== null && lease.epoch <= record.epoch) lease.input({ kind: 'superseded', epoch: record.epoch });
    if (record.primary === null) return this.#doing('the group has no primary yet');
    const primary = nodeRecord(context, record.primary);
    if (!primary) return this.#doing(`the record of ${record.primary} is not known here yet`);
    const role = await this.#serverRole();
    // A server that never gets through its start is one to be replaced, too.
    if (role === 'changing' && !this.#recloneWanted) return this.#doing('PostgreSQL is starting or stopping');
    if (role === 'primary') {
      const { timeline } = await context.reports.get(reportAgeMs);
      await this.#byHand.note(record, timeline);
      this.#doing('stopping: another node is primary');
      await context.postgres.killAll();
      if (await context.postgres.isDead()) lease.input({ kind: 'all-dead' });
      return this.trigger();
    }
    if (role === 'none' && !(await this.#byHand.noteFiles(record))) return this.#doing('waits for the control store');
    await this.options.newDisk.settle();
    const follow = decideFollow(
      {
        self: context.config.nodeId,
        record,
        lostVoter: this.options.newDisk.lostVoter,
        durable: context.durable.current,
        hold: null,
        role: lease.mayBeHolder() ? 'holder' : 'member',
        now: this.#now(),
      },
      { primary: record.primary, epoch: record.epoch },
    );
    if (!follow.ok) return this.#mayNotFollow(record, follow.rule, follow.sentence);
    this.#waitingForEpochSince = null;
    this.#diverged ??= this.#byHand.sentence ?? context.postgres.sharedFiles?.() ?? null;
    // Nothing is received under this epoch before this node's own WAL was compared with the primary's history.
    if (this.#followedEpoch !== record.epoch) context.walSource.setUpstream(null);
    if (role === 'standby' && !this.#recloneWanted && this.#diverged === null)
      return this.#keepFollowing(record, primary);
    await this.#comeBack(record, primary);
  }

  async #mayNotFollow(record: GroupRecord, rule: string, sentence: string): Promise<void> {
    const { context, lease } = this.options;
    this.#doing(sentence);
    if (rule === 'holds-the-lease' && (await context.postgres.isDead())) return lease.input({ kind: 'all-dead' });
    if (rule !== 'promised-higher') return;
    if (await this.#startedClosed()) return this.trigger();
    if (record.operation !== null || record.primary === null) return;
    this.#waitingForEpochSince ??= this.#now();
    if (this.#now() - this.#waitingForEpochSince < abandonedAfterMs) return;
    const question: TakeEpoch = { group: record.name, epoch: context.durable.current.promisedEpoch };
    await context.interconnect.request(record.primary, takeEpochMethod, question, { timeoutMs: questionTimeoutMs });
  }

  /**
   * A member that promised more than the record says runs, following nobody: only a running one tells its position, so one can be promoted. Also one that
   * was primary until its own planned stop: the group may need its promise, and what it wrote is compared before it follows anybody.
   */
  async #startedClosed(): Promise<boolean> {
    const { context, lease } = this.options;
    if (lease.mayBeHolder() || (await this.#serverRole()) !== 'none') return false;
    const found = await context.postgres.inspect();
    if (found.kind === 'absent') return false;
    this.#followedEpoch = 0;
    await this.#starts.standby({ follow: false });
    return true;
  }

  async #keepFollowing(record: GroupRecord, primary: NodeRecord): Promise<void> {
    // Somebody changed by hand what it follows: as under a new epoch.
    if ((await this.options.context.reports.get(reportAgeMs)).sourceAsSet === false) {
      this.options.context.logger.warn('primary_conninfo or primary_slot_name was changed by hand: it is set again');
      this.options.context.reports.invalidate();
      this.#followedEpoch = 0;
    }
    if (this.#followedEpoch === record.epoch) this.#connectTo(primary, record.epoch);
    else if (!(await this.#beginToFollow(record, primary))) return;
    if (await this.#mendParameters()) return this.trigger();
    await this.#watchStreaming(primary);
  }

  /** Decided before a wait: whoever has promised a later epoch meanwhile connects to nobody below it. */
  #connectTo(primary: NodeRecord, epoch: Epoch): void {
    const { durable, walSource } = this.options.context;
    if (durable.current.promisedEpoch > epoch) return;
    walSource.setUpstream({ node: primary.id, host: primary.host, port: primary.postgresPort });
  }

  /** False: not yet, or not any more. */
  async #beginToFollow(record: GroupRecord, primary: NodeRecord): Promise<boolean> {
    const { context } = this.options;
    this.#doing(`following ${primary.id}`);
    const verdict = await checkFork(context, primary, record);
    if (verdict.kind === 'wait') {
      this.#doing(`waits until ${primary.id} serves epoch ${record.epoch}`);
      return false;
    }
    if (verdict.kind === 'diverged') {
      this.#diverged = verdict.sentence;
      this.trigger();
      return false;
    }
    // Who promised this epoch receives nothing. Whoever missed the promise still copies slots, and would drop those that the new primary lacks.
    if (context.durable.current.promisedEpoch !== record.epoch) await context.postgres.stopSlotCopying();
    this.#connectTo(primary, record.epoch);
    await context.postgres.follow(slotName(context.config.nodeId), verdict.tagged);
    this.#followedEpoch = record.epoch;
    return true;
  }

  /** With enough it goes on replaying; it follows again in the next cycle. */
  async #mendParameters(): Promise<boolean> {
    const { context } = this.options;
    const tooLittle = this.#starts.tooLittle(await context.reports.get(reportAgeMs));
    if (tooLittle === null) return false;
    this.#doing(`restarting PostgreSQL, because its replay can't go on: ${tooLittle}`);
    await context.postgres.stop('fast', stopTimeoutMs);
    this.#followedEpoch = 0;
    await this.#starts.standby({ follow: false });
    return true;
  }

  async #watchStreaming(primary: NodeRecord): Promise<void> {
    const report = await this.options.context.reports.get(reportAgeMs);
    if (report.walReceiver?.status === 'streaming') {
      this.#notStreamingSince = null;
      return this.#settled();
    }
    this.#notStreamingSince ??= this.#now();
    this.#doing(`connecting to ${primary.id}`);
    if (this.#now() - this.#notStreamingSince < notStreamingMs) return;
    const { lines } = await this.options.context.postgres.logs({ limit: 50, level: null, contains: walGoneWords });
    const forMs = this.#now() - this.#notStreamingSince;
    if (!walIsGone(lines, this.options.context.loop.wallMs() - forMs)) return;
    this.options.context.logger.warn(
      { primary: primary.id },
      'the primary no longer has the WAL that this standby needs',
    );
    this.#notStreamingSince = null;
    this.#recloneWanted = true;
  }

  /** Not running, or to be copied anew. */
  async #comeBack(record: GroupRecord, primary: NodeRecord): Promise<void> {
    const { context } = this.options;
    const facts = await askPrimary(context, primary).catch(() => null);
    let found: Awaited<ReturnType<typeof context.postgres.inspect>>;
    try {
      found = await context.postgres.inspect();
    } catch (error) {
      // A damaged directory is kept until the operator says otherwise: it may be the only copy of something.
      if (!this.#recloneWanted) throw error;
      found = { kind: 'absent' };
    }
    if (found.kind === 'present') this.#assertOurs(record, found.control.systemIdentifier);
    const reused =
      found.kind === 'present' &&
      !found.standbySignal &&
      facts !== null &&
      timelineWasReused({
        node: context.config.nodeId,
        lastHeldEpoch: context.durable.current.lastHeldEpoch,
        record,
        primaryTimeline: facts.timeline,
      });
    let comparison = this.#known(record, reused);
    const look = () =>
      decideRejoin({
        data: found.kind === 'absent' ? 'absent' : found.standbySignal ? 'standby' : 'was-primary',
        lastHeldEpoch: context.durable.current.lastHeldEpoch,
        recordEpoch: record.epoch,
        primaryIsOther: true,
        primaryHealthy: facts?.healthy === true && facts.epoch === record.epoch,
        promisedEpoch: context.durable.current.promisedEpoch,
        comparison,
        walIsGone: false,
        freeBytes: context.files.freeBytes(context.config.nodeDirectory),
        neededBytes: facts?.dataBytes ?? null,
        reclone: this.#recloneWanted,
      });
    let decision = look();
    if (decision.kind === 'compare-in-private' && facts) {
      this.#doing(`comparing its end of WAL with ${primary.id}: ${decision.why}`);
      const reached = await context.postgres.compareWithFork(facts.history, facts.timeline, facts.currentLsn);
      comparison = reached.kind;
      if (reached.kind === 'diverged') {
        context.logger.warn(
          { ...reached },
          'this node wrote past the fork; those bytes were never acknowledged under the commit mode',
        );
      }
      decision = look();
    }
    switch (decision.kind) {
      case 'follow':
        this.#doing(`starting as standby of ${primary.id}`);
        this.#connectTo(primary, record.epoch);
        await this.#starts.standby({
          follow: true,
          tagged: facts?.knowsTags === true,
          primaryParameters: facts?.parameters,
        });
        this.#followedEpoch = record.epoch;
        this.#copiedEpoch = 0;
        return this.trigger();
      case 'start-closed':
        this.#doing(`starting as standby: ${decision.why}, so it is compared with ${primary.id} first`);
        this.#followedEpoch = 0;
        await this.#starts.standby({ follow: false, primaryParameters: facts?.parameters });
        return this.trigger();
      case 'base-backup':
        return this.#copy(primary, facts, this.#diverged ?? decision.why, record.epoch);
      default:
        return this.#doing(`waits: ${decision.why}`);
    }
  }

  /** What is known without a look: it has diverged, or it is a copy made under this very epoch. */
  #known(record: GroupRecord, reused: boolean): 'can-follow' | 'diverged' | null {
    if (reused || this.#diverged !== null) return 'diverged';
    return this.#copiedEpoch === record.epoch ? 'can-follow' : null;
  }

  async #copy(primary: NodeRecord, facts: PrimaryFacts | null, why: string, epoch: Epoch): Promise<void> {
    const { context } = this.options;
    if (!(await context.postgres.isDead())) await context.postgres.stop('immediate', 5_000);
    this.#connectTo(primary, epoch);
    this.#doing(`copying from ${primary.id}: ${why}`);
    this.#backupBytes = 0;
    this.#backup = new AbortController();
    try {
      await context.postgres.baseBackup({
        slot: slotName(context.config.nodeId),
        confirmedTimeline: facts?.timeline,
        signal: this.#backup.signal,
        onProgress: (bytes, total) => {
          this.#backupBytes = bytes;
          const share = total ? ` (${Math.min(100, Math.round((100 * bytes) / total))} %)` : '';
          this.#activity = `copying from ${primary.id}: ${Math.round(bytes / 1048576)} MB${share}`;
        },
      });
    } finally {
      this.#backup = null;
    }
    this.#recloneWanted = false;
    this.#diverged = null;
    this.#byHand.copied();
    this.#copiedEpoch = epoch;
    this.#followedEpoch = 0;
    this.trigger();
  }

  async #serverRole(): Promise<ServerRole> {
    const { state } = await this.options.context.reports.get(reportAgeMs);
    switch (state) {
      case 'primary':
      case 'standby':
        return state;
      case 'starting':
      case 'recovering':
      case 'stopping':
        return (await this.options.context.postgres.isDead()) ? 'none' : 'changing';
      default:
        return 'none';
    }
  }

  #assertOurs(record: GroupRecord, systemIdentifier: string): void {
    const foreign = otherSystem(this.options.context, record, systemIdentifier);
    if (foreign !== null) throw new Error(`Nothing is started or copied: ${foreign}.`);
  }
}
