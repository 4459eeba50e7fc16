/**
 * A node agent as a thin shell around the real cores: lease keeper, promises, voter set, rejoin, restart-or-failover. It does with simulated means
 * what the real shell does, and nothing cleverer; deliberate mistakes (mutations) sit here, beside the rule they break.
 */

import type { PromiseReport } from '../../cluster/commands';
import { recordAfterRegrant } from '../../cluster/core/grant';
import { divergence } from '../../cluster/core/ranking';
import { restartOrFailover } from '../../cluster/core/restart-or-failover';
import { failSafeMembers, withoutLostVoter } from '../../cluster/core/voter-set';
import type { GroupRecord } from '../../cluster/model';
import { formatLsn } from '../../kernel/lsn';
import {
  admitRemainingMs,
  holdsLease,
  initialLeaseState,
  type LeaseEffect,
  type LeaseInput,
  type LeaseState,
  mayBeHolder,
  stepLease,
} from '../../node/core/lease-keeper';
import {
  type DurableMemberState,
  decideConfirm,
  decideFollow,
  decideGrant,
  decidePromise,
  type FailSafeHold,
  holdAfterRestart,
  type MemberFacts,
} from '../../node/core/promise';
import { Process } from './event-queue';
import type { SimNode } from './node';
import { RejoinModel } from './rejoin-model';
import type { StoreModel } from './store-model';
import { VoterSetModel } from './voter-set-model';
import type { World } from './world';

type Distributed<T> = T extends LeaseInput ? Omit<T, 'now' | 'wall'> : never;
export type Refused = { readonly refused: string };

export class AgentModel {
  readonly process = new Process();
  lease: LeaseState;
  record: GroupRecord;
  revision: number;
  #hold: FailSafeHold | null;
  readonly #voterSet: VoterSetModel;
  /** One change of the set at a time; cleared by its completion or after a while. */
  #busyUntil = 0;
  readonly #rejoin: RejoinModel;
  #connectUntil = 0;
  #crashes: number[] = [];
  #crashed = false;
  #failedStarts = 0;
  /** When somebody last streamed from this primary: without a follower nobody could take over. */
  #followedAt = Number.NEGATIVE_INFINITY;
  #startedAt: number;
  /** What an earlier life of this agent wrote may still arrive, until a write of this one has raised the revision. */
  earlierLifeMayWrite = true;
  #shutOutUntil = Number.NEGATIVE_INFINITY;
  readonly #world: World;

  constructor(
    readonly node: SimNode,
    private readonly store: StoreModel,
    private readonly members: readonly SimNode[],
    failSafe: boolean,
  ) {
    this.#world = node.world;
    this.#voterSet = new VoterSetModel(node.world, node, this, store);
    this.#rejoin = new RejoinModel(node.world, node, this);
    this.lease = initialLeaseState(store.leaseMs, { failSafe });
    this.record = store.record;
    this.revision = 0;
    this.#startedAt = node.clock.mono();
    this.#closeProxy(node.disk.member.promisedEpoch);
    this.#hold = failSafe ? holdAfterRestart(this.#startedAt, store.leaseMs, 0) : null;
    if (this.#world.is('forget-promise-on-restart')) node.disk.member = { ...node.disk.member, promisedEpoch: 0 };
  }

  begin(): void {
    if (!this.node.member) return;
    this.store.read(this.node, (record, revision) => this.onRecord(record, revision));
    this.#tick();
  }

  get #postgres() {
    return this.node.postgres;
  }
  get #now(): number {
    return this.node.clock.mono();
  }
  get others(): readonly SimNode[] {
    return this.members.filter((one) => one !== this.node);
  }
  #facts(): MemberFacts {
    const voter = this.record.voterSet.members.includes(this.node.id) && this.record.promotable === 'voters';
    return {
      self: this.node.id,
      record: this.record,
      durable: this.node.disk.member,
      hold: this.#hold,
      role: mayBeHolder(this.lease) ? 'holder' : 'member',
      lostVoter: !this.node.disk.known && voter && !this.#world.is('wiped-voter-counts'),
      now: this.#now,
    };
  }
  /** fsync, then go on; a crash in between leaves the old state. */
  #persist(durable: DurableMemberState, then: () => void): void {
    this.#world.queue.after(this.#world.random.between(0.5, 4), this.process, () => {
      const { member } = this.node.disk;
      /* Decided and written in one go by the real one, so what a later decision wrote is never taken back. */
      this.node.disk.member = {
        promisedEpoch: Math.max(member.promisedEpoch, durable.promisedEpoch),
        controllerTerm: Math.max(member.controllerTerm, durable.controllerTerm),
        lastHeldEpoch: Math.max(member.lastHeldEpoch, durable.lastHeldEpoch),
      };
      then();
    });
  }

  // ------------------------------------------------------------ lease
  #step(input: Distributed<LeaseInput>): void {
    const step = stepLease(this.lease, { ...input, ...this.node.clock.instant() } as LeaseInput);
    this.lease = step.state;
    for (const effect of step.effects) this.#perform(effect);
  }

  #perform(effect: LeaseEffect): void {
    switch (effect.kind) {
      case 'send-renewal':
        this.store.renew(this.node, effect.epoch, (result) => {
          if (this.#world.is('lease-from-answer')) {
            const sent = this.node.clock.instant();
            this.lease = { ...this.lease, renewals: this.lease.renewals.map((one) => ({ ...one, sent })) };
          }
          this.#step({ kind: 'renew-answered', id: effect.id, result });
        });
        return;
      case 'ask-voters':
        this.#askVoters(effect.id, effect.epoch, effect.holdMs);
        return;
      case 'push-guardian': {
        const { stopMs, killMs } = this.lease.budget;
        this.node.pushGuardian(effect.since + stopMs, effect.since + killMs);
        return;
      }
      case 'stop-immediate':
        this.#world.fired('agent stopped the server');
        this.#postgres.stopImmediate();
        this.#reportDead();
        return;
      case 'kill-all':
        this.#postgres.killAll();
        this.#reportDead();
        return;
      case 'may-start':
        this.#serve(effect.epoch);
        return;
      case 'release':
        this.#release(effect.epoch);
        return;
      case 'open-router':
      case 'cut-router':
        return;
    }
  }

  /** A server that is already gone when the stop is asked for reports no further exit. */
  #reportDead(): void {
    this.#world.queue.after(20, this.process, () => {
      if (this.#postgres.dead) this.#allDead();
    });
  }

  #allDead(): void {
    const { stage } = this.lease;
    if (stage !== 'dead') this.#step({ kind: 'all-dead' });
  }

  #askVoters(id: number, epoch: number, holdMs: number): void {
    const asked = failSafeMembers(
      this.record,
      this.others.map((one) => one.id),
      this.#voterSet.unconfirmed,
    ).filter((one) => one !== this.node.id);
    const missing = new Set(asked);
    const finish = (voter: string, confirmed: boolean) => {
      if (!confirmed || !missing.delete(voter) || missing.size > 0) return;
      this.#world.fired('voters confirmed in place of the store');
      this.#step({ kind: 'voters-answered', id, allConfirmed: true });
    };
    if (this.#world.is('fail-safe-with-a-silent-voter'))
      this.#step({ kind: 'voters-answered', id, allConfirmed: true });
    if (asked.length === 0) this.#step({ kind: 'voters-answered', id, allConfirmed: true });
    for (const other of this.members.filter((one) => asked.includes(one.id))) {
      this.#world.send(
        this.node.id,
        other.id,
        () => other.agent?.process ?? null,
        () => {
          const confirmed = other.agent!.onConfirm(epoch, this.node.id, holdMs);
          this.#world.send(
            other.id,
            this.node.id,
            () => this.process,
            () => finish(other.id, confirmed),
          );
        },
      );
    }
  }

  onConfirm(epoch: number, holder: string, holdMs: number): boolean {
    const decision = decideConfirm(this.#facts(), { epoch, holder, holdMs });
    this.#hold = decision.hold;
    return decision.confirmed;
  }

  #release(epoch: number): void {
    if (this.record.epoch !== epoch || this.record.primary !== this.node.id || this.record.leaseReleased) {
      this.#step({ kind: 'released', epoch });
      return;
    }
    if (!this.#postgres.dead && !this.#world.is('release-before-dead')) return;
    const next = { ...this.record, leaseReleased: true };
    this.store.txn(this.node, { expected: this.revision, next, guard: false, grants: false }, (answer) => {
      if (answer.ok) {
        this.onRecord(next, answer.revision);
      } else this.store.read(this.node, (record, revision) => this.onRecord(record, revision));
    });
  }

  /** Giving back at a crash or by plan. */
  giveBack(mode: 'planned' | 'now'): void {
    this.#step({ kind: 'give-back', mode });
    if (mode === 'planned') this.#postgres.stopFast(400);
    if (this.#world.is('release-before-dead') && this.lease.epoch !== null) this.#release(this.lease.epoch);
    this.#reportDead();
  }

  // ------------------------------------------------------------ record
  onRecord(record: GroupRecord, revision: number): void {
    if (revision <= this.revision) return;
    if (record.epoch !== this.record.epoch) this.#rejoin.epochChanged();
    this.record = record;
    this.revision = revision;
    this.#voterSet.unconfirmed = null;
    if (!this.node.member) return;
    const mine = record.primary === this.node.id;
    if (this.lease.epoch !== null && (record.epoch > this.lease.epoch || !mine)) {
      if (mine && record.epoch > this.lease.epoch && !record.leaseReleased) {
        /* The own regrant came back through the watch: same holder, next epoch; renewals confirm it. */
        if (!this.#postgres.dead) this.#postgres.epoch = Math.max(this.#postgres.epoch, record.epoch);
        if (this.lease.confirmed !== null)
          this.#step({ kind: 'granted', epoch: record.epoch, sent: this.lease.confirmed });
        else this.#step({ kind: 'resumed', epoch: record.epoch, serving: this.#postgres.serving });
      } else this.#step({ kind: 'superseded', epoch: record.epoch });
    }
    if (
      mine &&
      this.lease.epoch === null &&
      !record.leaseReleased &&
      /* Ahead of the record: a grant was prepared and never came to be. */
      this.node.disk.member.lastHeldEpoch >= record.epoch
    ) {
      this.#step({ kind: 'resumed', epoch: record.epoch, serving: this.#postgres.serving });
    }
    if (this.lease.epoch === record.epoch && record.leaseReleased)
      this.#step({ kind: 'released', epoch: record.epoch });
  }

  // ------------------------------------------------------------ commands
  onPromise(epoch: number, controllerTerm: number, answer: (report: PromiseReport | Refused) => void): void {
    const decision = decidePromise(this.#facts(), { epoch, fence: { controllerTerm } });
    if (!decision.ok) {
      if (decision.rule === 'fail-safe-hold') this.#world.fired('promise refused under a hold');
      answer({ refused: decision.rule });
      return;
    }
    this.#world.note(`${this.node.id} promises epoch ${epoch}`);
    this.#closeProxy(epoch);
    this.#persist(decision.durable, () => {
      const postgres = this.#postgres;
      const report = () => {
        if (postgres.role !== 'standby') return answer({ refused: 'not-a-standby' });
        const lsn = formatLsn(BigInt(postgres.data.flushed));
        answer({
          node: this.node.id,
          epoch,
          timeline: postgres.timeline,
          lsn,
          receiveLsn: lsn,
          replayLsn: lsn,
          inRecovery: true,
        });
      };
      if (postgres.receiver === null) return report();
      if (this.#world.is('report-before-receiver-gone')) report();
      this.#world.queue.after(this.#world.random.between(20, 130), this.process, () => {
        postgres.stopReceiver();
        if (!this.#world.is('report-before-receiver-gone')) report();
      });
    });
  }

  /** First of all, so that a walreceiver that is just starting can't slip through behind the report. */
  #closeProxy(epoch: number): void {
    if (!this.#world.is('skip-epoch-in-follow')) this.#postgres.proxyEpoch = epoch;
  }

  onGrant(
    request: { epoch: number; controllerTerm: number; expectedRevision: number; next: GroupRecord; guard: boolean },
    answer: (result: 'granted' | Refused) => void,
  ): void {
    const already = this.record.epoch === request.epoch && this.record.primary === this.node.id;
    const decision = decideGrant(this.#facts(), {
      epoch: request.epoch,
      fence: { controllerTerm: request.controllerTerm },
    });
    if (!decision.ok) {
      answer({ refused: decision.rule });
      return;
    }
    if (already) {
      answer('granted');
      return;
    }
    this.#persist(decision.durable, () => {
      const sent = this.node.clock.instant();
      const { next } = request;
      this.store.txn(
        this.node,
        { expected: request.expectedRevision, next, guard: request.guard, grants: true },
        (result) => {
          if (!result.ok) return answer({ refused: result.why });
          this.earlierLifeMayWrite = false;
          this.#step({ kind: 'granted', epoch: request.epoch, sent });
          this.onRecord(next, result.revision);
          answer('granted');
        },
      );
    });
  }

  /** Ends an abandoned failover: the record's own primary takes the next epoch. */
  onRegrant(controllerTerm: number): void {
    const { record, revision } = this;
    if (record.primary !== this.node.id || this.#voterSet.busy || this.#now < this.#busyUntil) return;
    const epoch = record.epoch + 1;
    const facts = this.#facts();
    let durable = facts.durable;
    if (facts.role === 'member') {
      const promise = decidePromise(facts, { epoch, fence: { controllerTerm } });
      if (!promise.ok) return;
      durable = promise.durable;
    }
    const decision = decideGrant({ ...facts, durable }, { epoch, fence: { controllerTerm } });
    if (!decision.ok) return;
    this.#busyUntil = this.#now + 500;
    this.#persist(decision.durable, () => {
      const sent = this.node.clock.instant();
      const next = recordAfterRegrant(record);
      this.store.txn(this.node, { expected: revision, next, guard: false, grants: true }, (result) => {
        this.#busyUntil = 0;
        if (!result.ok) return;
        this.earlierLifeMayWrite = false;
        this.#world.fired('the holder took the next epoch');
        if (!this.#postgres.dead) this.#postgres.epoch = Math.max(this.#postgres.epoch, next.epoch);
        this.#step({ kind: 'granted', epoch: next.epoch, sent });
        this.onRecord(next, result.revision);
      });
    });
  }

  route(): { role: 'primary' | 'standby' | 'none'; epoch: number; remainingMs: number } {
    const remainingMs = admitRemainingMs(this.lease, this.node.clock.instant());
    const primary = this.#postgres.role === 'primary' && this.lease.epoch !== null;
    if (primary) return { role: 'primary', epoch: this.lease.epoch!, remainingMs };
    return { role: this.#postgres.role === 'standby' ? 'standby' : 'none', epoch: this.record.epoch, remainingMs: 0 };
  }

  // ------------------------------------------------------------ serving
  #serve(epoch: number): void {
    const postgres = this.#postgres;
    if (this.record.epoch !== epoch || !holdsLease(this.lease, this.node.clock.instant(), epoch)) return;
    if (this.earlierLifeMayWrite && !this.#world.is('no-touch-after-restart')) {
      this.#shutOutEarlierLife();
      return;
    }
    if (postgres.dead) {
      if (!this.node.disk.data.present) return;
      if (this.#crashed && !this.#mayRestart()) return;
      this.#start(this.node.disk.data.standbySignal ? 'standby' : 'primary', epoch);
      return;
    }
    if (postgres.role !== 'standby' || this.lease.stage === 'serving') return;
    const names = this.record.voterSet;
    if (!this.#world.is('no-names-before-promote')) postgres.setNames(names, () => undefined);
    this.#voterSet.forgetBarrier();
    this.#step({ kind: 'server-starting' });
    const { confirmed, budget } = this.lease;
    this.node.pushGuardian(confirmed!.now + budget.stopMs, confirmed!.now + budget.killMs);
    const timeline = this.#world.is('reuse-timeline')
      ? postgres.timeline + 1
      : Math.max(this.record.timeline, postgres.timeline + 1);
    postgres.promote(epoch, timeline, () => {
      this.#world.counters.promotions++;
    });
  }

  #shutOutEarlierLife(): void {
    if (this.#now < this.#shutOutUntil) return;
    this.#shutOutUntil = this.#now + 300;
    const { record, revision } = this;
    this.store.txn(this.node, { expected: revision, next: record, guard: false, grants: false }, (answer) => {
      this.#shutOutUntil = Number.NEGATIVE_INFINITY;
      if (!answer.ok) {
        this.store.read(this.node, (found, current) => this.onRecord(found, current));
        return;
      }
      this.earlierLifeMayWrite = false;
      this.onRecord(record, answer.revision);
    });
  }

  #start(role: 'primary' | 'standby', epoch: number): void {
    const { node } = this;
    if (role === 'primary') {
      this.#step({ kind: 'server-starting' });
      this.#voterSet.forgetBarrier();
    }
    this.#postgres.start(role, epoch, () => {
      this.#failedStarts = 0;
      this.#crashed = false;
    });
    node.openGuardian();
    const { confirmed, budget } = this.lease;
    if (role === 'primary' && confirmed !== null)
      node.pushGuardian(confirmed.now + budget.stopMs, confirmed.now + budget.killMs);
  }

  /** A server died while this node held the lease. False: the lease is given back instead. */
  #mayRestart(): boolean {
    const decision = restartOrFailover({
      holdsLease: true,
      allDead: this.#postgres.dead,
      estimatedRedoMs: this.#world.random.chance(0.5) ? 100 : 5000,
      restartBudgetMs: 1000,
      earlierCrashesMs: this.#crashes.slice(0, -1),
      nowMs: this.#now,
      successorPossible: this.record.promotable === 'voters' && this.#world.now - this.#followedAt < 1000,
      failedStarts: this.#failedStarts,
    });
    if (decision.kind === 'restart-in-place') {
      this.#world.fired('restarted in place');
      return true;
    }
    this.#crashed = false;
    if (decision.kind === 'fail-over') this.giveBack('now');
    return false;
  }

  onPostgresExit(): void {
    const postgres = this.#postgres;
    if (this.lease.epoch !== null && this.lease.stage === 'serving') {
      this.#crashed = true;
      this.#crashes = [...this.#crashes, this.#now].slice(-4);
      if (this.#world.is('restart-before-dead') && !postgres.dead && !postgres.postmasterAlive) {
        this.#start('primary', this.lease.epoch);
        return;
      }
      if (!postgres.dead) postgres.killAll();
      else if (!postgres.postmasterAlive) this.#allDead();
      return;
    }
    if (postgres.dead) this.#allDead();
  }

  // ------------------------------------------------------------ reconcile
  #tick(): void {
    this.#world.queue.after(this.node.clock.toTrue(this.#world.random.between(35, 50)), this.process, () => {
      this.#step({ kind: 'tick' });
      this.#reconcile();
      this.#tick();
    });
  }

  #reconcile(): void {
    const postgres = this.#postgres;
    if (this.lease.stage === 'serving' && postgres.dead) this.onPostgresExit();
    else if (this.lease.stage !== 'dead' && postgres.dead) this.#allDead();
    if (postgres.life !== null && !postgres.postmasterAlive) postgres.killAll();
    if (this.lease.epoch !== null) {
      const held = holdsLease(this.lease, this.node.clock.instant(), this.lease.epoch);
      const serving = this.lease.stage === 'serving' && postgres.serving && postgres.postmasterAlive;
      if (serving && [...postgres.streams.values()].some((one) => one.open)) this.#followedAt = this.#world.now;
      if (held && serving && !this.lease.giveBack) this.#voterSet.act();
      if (held && this.lease.stage === 'dead' && !this.lease.giveBack) this.#serve(this.lease.epoch);
      if (this.#world.is('restart-without-lease') && postgres.dead && !this.node.disk.data.standbySignal) {
        postgres.start('primary', this.lease.epoch, () => undefined);
      }
      return;
    }
    if (postgres.role === 'primary' || (postgres.role === 'promoting' && this.lease.stage === 'dead')) {
      /* A primary that nobody holds a lease for (an adopted one of an older epoch). */
      if (this.record.primary !== this.node.id) postgres.killAll();
      return;
    }
    this.#beMember();
  }

  // ------------------------------------------------------------ member
  #beMember(): void {
    const { record, node } = this;
    const postgres = this.#postgres;
    if (this.#rejoin.busy) return;
    if (this.#facts().lostVoter) {
      this.#leaveAsLost();
      return;
    }
    if (postgres.role === 'starting' || postgres.role === 'promoting') return;
    const primary = this.members.find((one) => one.id === record.primary) ?? null;
    const following = postgres.receiver?.open === true && postgres.receiver.primary === primary?.postgres;
    if (following || primary === null || primary === node) return;
    if (postgres.role === 'standby') this.#follow(primary);
    else this.#rejoin.begin(primary, null);
  }

  #leaveAsLost(): void {
    if (this.#now < this.#busyUntil) return;
    const change = withoutLostVoter(this.record, this.node.id);
    if (change === null) return;
    this.#busyUntil = this.#now + 500;
    const next = { ...this.record, ...change };
    this.store.txn(this.node, { expected: this.revision, next, guard: false, grants: false }, (answer) => {
      this.#busyUntil = 0;
      if (answer.ok) {
        this.#world.fired('a voter with a new disk left the set');
        this.onRecord(next, answer.revision);
      } else this.store.read(this.node, (record, revision) => this.onRecord(record, revision));
    });
  }

  #follow(primary: SimNode): void {
    if (this.#now < this.#connectUntil) return;
    const facts = this.#facts();
    const decision = decideFollow(facts, { primary: primary.id, epoch: this.record.epoch });
    if (!decision.ok && !this.#world.is('skip-epoch-in-follow')) return;
    this.#connectUntil = this.#now + 100;
    const position = { timeline: this.#postgres.timeline, lsn: formatLsn(BigInt(this.#postgres.lsn)) };
    if (divergence(position, { record: this.record }) !== null) {
      this.#rejoin.begin(primary, 'diverged');
      return;
    }
    this.#postgres.connectTo(primary.postgres, this.record.epoch, (result) => {
      if (result === 'diverged') this.#rejoin.begin(primary, 'diverged');
    });
  }

  startStandby(): void {
    this.#start('standby', this.record.epoch);
  }
  isLostVoter(): boolean {
    return this.#facts().lostVoter === true;
  }
}
