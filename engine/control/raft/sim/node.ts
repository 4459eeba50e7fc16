/**
 * One simulated member: the real step function, state machine and lease logic, with a simulated clock, disk and process around them. The shell here
 * mirrors RaftRuntime and RaftControlStore.
 */
import { type Applied, applyCommand, type Command, type KvState } from '../../core/kv';
import { decodeKv, encodeKv } from '../../core/kv-snapshot';
import {
  entryApplied,
  grantAppended,
  groupsGrantedBy,
  guardRefuses,
  judgeRenewal,
  type LeaseTable,
  leaseOf,
  newLeaseTable,
  renewed,
} from '../../core/leases';
import type { KeyValue, RaftConfiguration, RaftMember, Txn } from '../../store';
import { snapshotAt } from '../core/entries';
import { termAt } from '../core/log';
import {
  type ConfigurationChange,
  defaultLimits,
  type Effect,
  type Input,
  type Message,
  memberKey,
  type Persist,
  type RaftState,
} from '../core/model';
import { initialState, nextTickAt, step } from '../core/step';
import type { LogChecker } from './checkers';
import { emptyImage, type Image, openImage, written } from './disk';
import type { Dice, Timeline } from './events';

export const timings = { heartbeatMs: 100, electionMs: 500, leaseMs: 2000 } as const;
const snapshotEvery = 60;
/** Small bounds, so that every one of them is met. */
const limits = { ...defaultLimits, keepBehind: 20, chunkChars: 200, maxInflight: 8, maxBatchBytes: 150 };

export type World = {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly logs: LogChecker;
  readonly send: (message: Message) => void;
  readonly leaders: () => readonly SimNode[];
  readonly fired: (what: string) => void;
  /** How long a sync takes, drawn per write. */
  readonly syncMs: () => number;
};

export type TxnAnswer =
  | { readonly kind: 'applied'; readonly applied: Applied }
  | { readonly kind: 'no' }
  | { readonly kind: 'unknown' };
export type RenewAnswer = 'ok' | 'refused' | 'no';

export class SimNode {
  member: RaftMember;
  image: Image;
  state: RaftState | null = null;
  kv: KvState = decodeKv('');
  leases: LeaseTable | null = null;
  /** Counts lives of the process: whatever was scheduled by an earlier one is void. */
  life = 0;
  frozen = false;
  diskFull = false;
  failNextSync = false;
  /** Dies in the middle of its next write (`vote`: of the next one that holds a vote for another). */
  crashInWrite: false | 'any' | 'vote' = false;
  /** The storage refused the directory, or the core said that it was emptied: it must come back as another member. */
  lost = false;
  #rate = 1;
  #offset: number;
  #queue: Persist[] = [];
  #writing: Persist[] | null = null;
  #inbox: { readonly job: () => void; readonly request: boolean }[] = [];
  #tickAt = Number.POSITIVE_INFINITY;
  #snapshotting = false;
  #nextRead = 1;
  readonly #reads = new Map<number, (ok: boolean) => void>();
  readonly #pending = new Map<number, { readonly term: number; readonly answer: (answer: TxnAnswer) => void }>();

  constructor(
    readonly id: string,
    private readonly world: World,
  ) {
    this.member = { id, incarnation: `${id}.1` };
    this.image = emptyImage(world.dice.below(1e9));
    this.#offset = world.dice.between(0, 1e6);
  }

  // -------------------------------------------------------------- clock
  clock(): number {
    return this.#offset + this.#rate * this.world.timeline.now;
  }

  /** The clock goes on from where it is, at another speed. */
  drift(rate: number): void {
    this.#offset += (this.#rate - rate) * this.world.timeline.now;
    this.#rate = rate;
  }

  #trueTimeOf(local: number): number {
    return (local - this.#offset) / this.#rate;
  }

  // -------------------------------------------------------------- process
  get alive(): boolean {
    return this.state !== null;
  }

  get running(): boolean {
    return this.alive && !this.frozen;
  }

  start(bootstrap: RaftConfiguration | null): void {
    if (this.alive || this.lost || this.diskFull) return;
    const opened = openImage(this.image, this.member);
    if ('refused' in opened) {
      this.world.fired(`refused ${opened.refused}`);
      this.lost = true;
      return;
    }
    let { recovered } = opened;
    if (!this.image.member) {
      const snapshot = bootstrap && { index: 1, term: 1, configuration: bootstrap, data: '' };
      this.image = { ...this.image, member: this.member, snapshot };
      recovered = { ...recovered, snapshot };
    }
    this.life++;
    this.kv = decodeKv(recovered.snapshot?.data ?? '');
    const { heartbeatMs, electionMs } = timings;
    const seed = this.world.dice.below(2 ** 31);
    this.state = initialState({
      self: this.member,
      heartbeatMs,
      electionMs,
      limits,
      seed,
      now: this.clock(),
      recovered,
    });
    this.#arm();
  }

  /** SIGKILL, or power loss. What was being written is there or not. */
  crash(): void {
    if (!this.alive) return;
    if (this.#writing && this.world.dice.chance(0.5)) {
      this.image = written(this.image, this.#writing);
      this.world.fired('crash kept unsynced write');
    } else if (this.#writing || this.#queue.length > 0) this.world.fired('crash lost unsynced write');
    for (const pending of this.#pending.values()) pending.answer({ kind: 'unknown' });
    this.#pending.clear();
    for (const answer of [...this.#reads.values()]) answer(false);
    this.#reads.clear();
    this.state = null;
    this.leases = null;
    this.life++;
    this.frozen = false;
    this.#queue = [];
    this.#writing = null;
    this.#inbox = [];
    this.crashInWrite = false;
    this.#snapshotting = false;
    this.#tickAt = Number.POSITIVE_INFINITY;
  }

  freeze(): void {
    if (this.alive) this.frozen = true;
  }

  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    const waiting = this.#inbox;
    this.#inbox = [];
    // Timers, requests and messages that waited come in any order.
    for (let at = waiting.length - 1; at > 0; at--) {
      const other = this.world.dice.below(at + 1);
      [waiting[at], waiting[other]] = [waiting[other]!, waiting[at]!];
    }
    // Sometimes what others asked is read first, before the timers and messages that would tell this node how late it is.
    if (this.world.dice.chance(0.5)) waiting.sort((a, b) => Number(b.request) - Number(a.request));
    for (const { job, request } of waiting) this.#when(job, request);
  }

  whenRunning(job: () => void): void {
    this.#when(job, true);
  }

  /** Runs now, after the thaw, or never (another life). */
  #when(job: () => void, request = false): void {
    if (!this.alive) return;
    if (this.frozen) this.#inbox.push({ job, request });
    else job();
  }

  #later(trueTime: number, job: () => void): void {
    const { life } = this;
    this.world.timeline.at(trueTime, () => {
      if (this.life === life) this.#when(job);
    });
  }

  // -------------------------------------------------------------- inputs
  deliver(message: Message): void {
    this.#when(() => this.feed({ kind: 'message', message }));
  }

  feed(input: Input, before?: (effects: readonly Effect[]) => void): void {
    if (!this.state) return;
    const { state, effects } = step(this.state, this.clock(), input);
    this.state = state;
    before?.(effects);
    for (const effect of effects) if (this.state) this.#perform(effect);
    if (!this.state) return;
    this.#snapshotIfDue();
    this.#arm();
  }

  #arm(): void {
    const at = nextTickAt(this.state!);
    if (this.#tickAt <= at || at === Number.POSITIVE_INFINITY) return;
    this.#tickAt = at;
    this.#later(this.#trueTimeOf(at) + 0.01, () => {
      if (this.#tickAt !== at) return;
      this.#tickAt = Number.POSITIVE_INFINITY;
      this.feed({ kind: 'tick' });
    });
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'persist':
        this.#checkAppended(effect);
        this.#queue.push(effect);
        this.#write();
        break;
      case 'send':
        for (const message of effect.messages) this.world.send(message);
        break;
      case 'apply':
        this.#apply(effect);
        break;
      case 'restore':
        this.kv = decodeKv(effect.snapshot.data);
        this.world.fired('snapshot installed');
        break;
      case 'read-ready':
      case 'read-refused':
        this.#answerRead(effect.id, effect.kind === 'read-ready');
        break;
      case 'role':
        this.#roleChanged();
        break;
      case 'fatal':
        this.world.fired('refused emptied');
        this.crash();
        this.lost = true;
        break;
      default:
        break;
    }
  }

  #checkAppended(effect: Persist): void {
    const first = effect.entries[0];
    if (first) this.world.logs.appended(effect.entries, termAt(this.state!.log, first.index - 1));
  }

  #roleChanged(): void {
    const state = this.state!;
    if (state.role === 'leader') {
      this.world.logs.leaderElected(this.member.incarnation, state.term, (index) => heldTerm(state, index));
      return;
    }
    this.leases = null;
    for (const pending of this.#pending.values()) pending.answer({ kind: 'unknown' });
    this.#pending.clear();
  }

  // -------------------------------------------------------------- disk
  #write(): void {
    while (!this.#writing && this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      if (batch.every(isEmpty)) {
        this.#synced(batch);
        continue;
      }
      this.#writing = batch;
      const ms = this.world.syncMs();
      const own = memberKey(this.member);
      const votes = batch.some(({ hardState }) => hardState?.vote && hardState.vote !== own);
      if (this.crashInWrite === 'any' || (this.crashInWrite === 'vote' && votes)) {
        this.crashInWrite = false;
        this.#later(this.world.timeline.now + ms * this.world.dice.next(), () => this.crash());
      }
      this.#later(this.world.timeline.now + ms, () => this.#writeEnds(batch));
    }
  }

  #writeEnds(batch: readonly Persist[]): void {
    if (this.diskFull || this.failNextSync) {
      this.world.fired(this.diskFull ? 'full disk' : 'fsync error');
      this.failNextSync = false;
      this.crash();
      return;
    }
    this.image = written(this.image, batch);
    this.#writing = null;
    this.#synced(batch);
    if (this.state) this.#write();
  }

  #synced(batch: readonly Persist[]): void {
    for (const effect of batch) for (const message of effect.messages) this.world.send(message);
    const last = batch[batch.length - 1]!;
    if (batch.every(isEmpty)) return;
    this.feed({ kind: 'persisted', token: last.token, lastIndex: last.lastIndex, lastTerm: last.lastTerm });
  }

  #snapshotIfDue(): void {
    const state = this.state!;
    if (this.#snapshotting || state.appliedIndex - (state.snapshot?.index ?? 0) < snapshotEvery) return;
    const snapshot = snapshotAt(state, state.appliedIndex, encodeKv(this.kv));
    if (!snapshot) return;
    this.#snapshotting = true;
    this.#later(this.world.timeline.now + this.world.dice.between(1, 20), () => {
      this.#snapshotting = false;
      if (snapshot.index > (this.image.snapshot?.index ?? 0)) this.image = { ...this.image, snapshot };
      this.feed({ kind: 'snapshotted', index: snapshot.index, data: snapshot.data });
    });
  }

  // -------------------------------------------------------------- state machine
  #apply(effect: Effect & { readonly kind: 'apply' }): void {
    const newest = this.world.logs.applied(this.member.incarnation, effect.entries);
    if (newest) {
      for (const leader of this.world.leaders()) {
        const state = leader.state!;
        this.world.logs.leaderHolds(leader.member.incarnation, state.term, (index) => heldTerm(state, index));
      }
    }
    for (const entry of effect.entries) {
      const result = entry.kind === 'txn' ? applyCommand(this.kv, JSON.parse(entry.data) as Command) : null;
      const events = result?.kind === 'done' ? result.events : [];
      if (this.leases) this.leases = entryApplied(this.leases, entry.index, events, this.clock());
      if (entry.index === this.state!.leading?.noopIndex) this.leases = newLeaseTable(this.clock(), timings.leaseMs);
      const pending = this.#pending.get(entry.index);
      if (!pending) continue;
      this.#pending.delete(entry.index);
      pending.answer(
        pending.term === entry.term && result ? { kind: 'applied', applied: result } : { kind: 'unknown' },
      );
    }
  }

  // -------------------------------------------------------------- requests, as RaftControlStore serves them
  txn(id: string, txn: Txn, answer: (answer: TxnAnswer) => void): void {
    if (!this.running || !this.leases) {
      answer({ kind: 'no' });
      return;
    }
    if (guardRefuses(this.leases, this.kv, txn, this.clock()) !== null) {
      this.world.fired('grant refused under a lease');
      answer({ kind: 'no' });
      return;
    }
    const groups = groupsGrantedBy(this.kv, txn);
    this.feed({ kind: 'propose', data: [JSON.stringify({ id, txn })] }, (effects) => {
      const proposed = effects.find((effect) => effect.kind === 'proposed');
      if (proposed?.kind !== 'proposed') {
        answer({ kind: 'no' });
        return;
      }
      if (this.leases) this.leases = grantAppended(this.leases, proposed.firstIndex, groups);
      this.#pending.set(proposed.firstIndex, { term: proposed.term, answer });
    });
  }

  read(key: string, answer: (pair: KeyValue | null, ok: boolean) => void): void {
    this.#confirmed(false, (ok) => answer(ok ? (this.kv.values.get(key) ?? null) : null, ok));
  }

  renew(group: string, epoch: number, holder: string, answer: (answer: RenewAnswer) => void): void {
    this.#confirmed(true, (ok) => {
      if (!ok || !this.leases) {
        answer('no');
        return;
      }
      const verdict = judgeRenewal(this.leases, this.kv, { group, epoch, holder });
      if (verdict !== 'ok') {
        this.world.fired(`renewal ${verdict}`);
        answer('refused');
        return;
      }
      this.leases = renewed(this.leases, group, leaseOf(this.kv, group)!, this.clock());
      answer('ok');
    });
  }

  change(change: ConfigurationChange): boolean {
    let taken = false;
    if (!this.running) return false;
    this.feed({ kind: 'change', change }, (effects) => {
      taken = effects.some((effect) => effect.kind === 'proposed');
    });
    return taken;
  }

  transfer(to: string): void {
    if (this.running) this.feed({ kind: 'transfer', to });
  }

  #confirmed(patient: boolean, answer: (ok: boolean) => void): void {
    if (!this.running) {
      answer(false);
      return;
    }
    const id = this.#nextRead++;
    this.#reads.set(id, answer);
    this.feed({ kind: 'read', id, patient });
  }

  #answerRead(id: number, ok: boolean): void {
    const answer = this.#reads.get(id);
    this.#reads.delete(id);
    answer?.(ok);
  }
}

function isEmpty(effect: Persist): boolean {
  return !effect.hardState && effect.entries.length === 0 && !effect.snapshot && !effect.rewrite;
}

/** The committed prefix below the log's base is covered by the snapshot. */
function heldTerm(state: RaftState, index: number): number | null {
  return termAt(state.log, index);
}
