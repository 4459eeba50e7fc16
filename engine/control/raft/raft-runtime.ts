/**
 * The shell of one Raft member: clock, timer, disk queue, interconnect and the replicated state machine around the pure step function.
 *
 * Invariants: inputs are processed one at a time, each with all its effects, before the next; a broken invariant or a failed disk ends this member
 * (`onFatal`) and nothing leaves it afterwards.
 */
import type { Interconnect } from '../../interconnect/api';
import type { Disk } from '../../kernel/disk';
import type { Logger } from '../../kernel/log';
import { type Loop, systemLoop, type Timer } from '../../kernel/loop';
import { type Applied, applyCommand, type Command, emptyKv, imageOf, type KvState } from '../core/kv';
import { decodeParts, differences, encodeParts, whole } from '../core/kv-snapshot';
import { configuredIn, entryApplied, grantAppended, type LeaseTable, newLeaseTable } from '../core/leases';
import type { RaftConfiguration, RaftMember, WatchEvent } from '../store';
import { ApplyQueue, defaultSliceChars, type Work } from './apply-queue';
import { configurationOf, membersOf } from './core/configuration';
import { snapshotAt } from './core/entries';
import {
  defaultLimits,
  type Effect,
  type Entry,
  type Input,
  type Limits,
  type Message,
  memberKey,
  type RaftState,
  type Snapshot,
} from './core/model';
import { initialState, nextTickAt, type Recovered, step } from './core/step';
import { DiskFull, RaftLogStorage } from './log-storage';
import { PersistQueue } from './persist-queue';

export type Timings = { readonly heartbeatMs: number; readonly electionMs: number; readonly leaseMs: number };

export type RuntimeOptions = {
  readonly self: RaftMember;
  readonly directory: string;
  readonly bootstrap: RaftConfiguration | null;
  readonly interconnect: Interconnect;
  readonly logger: Logger;
  readonly timings: Timings;
  readonly onFatal: (error: Error) => void;
  readonly acceptMoved?: boolean;
  /** Entries between snapshots; a log of more than 64 MB takes one earlier. */
  readonly snapshotEvery?: number;
  readonly limits?: Partial<Limits>;
  /** Clock, timers and disk come from outside; absent: those of this process. */
  readonly loop?: Loop;
  readonly disk?: Disk;
  readonly maxSegmentBytes?: number;
  /** Characters that are applied or installed before the thread is let go. */
  readonly sliceChars?: number;
  /** Transactions remembered by their id; must be the same on every member. */
  readonly seenLimit?: number;
  /** Sees each step before its effects are performed; for checkers. */
  readonly tap?: (state: RaftState, effects: readonly Effect[]) => void;
};

export type RuntimeEvents = {
  readonly applied: (entry: Entry, result: Applied | null) => void;
  readonly changed: (events: readonly WatchEvent[]) => void;
  readonly role: (state: RaftState) => void;
  readonly ready: (ready: boolean, term: number) => void;
  readonly read: (id: number, index: number | null) => void;
};

const maxLogChars = 64 << 20;
/** How much later than the commit it is written down that it was one, when no other write carries it. */
const committedEveryMs = 1_000;
const snapshotAgainAfterMs = 10_000;
/** Entries are applied, and watchers told, in steps of about this many characters. */
const stepChars = 16 << 10;

export class RaftRuntime {
  state!: RaftState;
  kv: KvState;
  leases: LeaseTable | null = null;
  /** Why this member can't write, and what to do; null: it can. */
  trouble: string | null = null;
  /** The longest configured length of a lease since this process began. */
  longestLeaseMs: number;
  /** When this replica last heard from a leader. */
  heardAt: number | null = null;
  #storage: RaftLogStorage | null = null;
  #persist: PersistQueue | null = null;
  #timer: { readonly handle: Timer; readonly at: number } | null = null;
  #jobs: (() => void)[] = [];
  #busy = false;
  #stopped = true;
  #snapshotting: Promise<void> | null = null;
  /** The replica holds entries up to here although Raft, after a restart, has not learned again that they are committed. */
  #replayedIndex = 0;
  #committedTimer: Timer | null = null;
  #snapshotNotBefore = Number.NEGATIVE_INFINITY;

  readonly #loop: Loop;
  readonly #applies: ApplyQueue;

  constructor(
    readonly options: RuntimeOptions,
    private readonly events: RuntimeEvents,
    private leaseMs: () => number,
  ) {
    this.#loop = options.loop ?? systemLoop;
    this.#applies = new ApplyQueue(this.#loop, (job) => this.run(job), options.sliceChars ?? defaultSliceChars);
    this.longestLeaseMs = options.timings.leaseMs;
    this.kv = emptyKv(options.seenLimit);
  }

  async start(): Promise<void> {
    const { self, directory, bootstrap, timings, interconnect } = this.options;
    const opened = await RaftLogStorage.open({
      directory,
      self,
      acceptMoved: this.options.acceptMoved ?? process.env.RUSTYDB_ACCEPT_MOVED === '1',
      disk: this.options.disk,
      maxSegmentBytes: this.options.maxSegmentBytes,
    });
    this.#storage = opened.storage;
    let recovered = opened.recovered ?? { hardState: { term: 0, vote: null }, snapshot: null, entries: [] };
    const blank = !recovered.snapshot && recovered.entries.length === 0 && recovered.hardState.term === 0;
    // The log first: a snapshot without a log would look like lost votes.
    if (!opened.recovered) await opened.storage.rewrite([], recovered.hardState);
    if (blank && bootstrap?.voters.some((voter) => voter.id === self.id && voter.incarnation === self.incarnation)) {
      const snapshot: Snapshot = { index: 1, term: 1, configuration: bootstrap, parts: [] };
      await opened.storage.saveSnapshot(snapshot, snapshot.parts);
      recovered = { ...recovered, snapshot };
    }
    this.#replay(recovered, opened.committed);
    this.#persist = new PersistQueue(opened.storage, this.#loop, {
      send: (messages) => this.#send(messages),
      persisted: (token, lastIndex, lastTerm) => this.feed({ kind: 'persisted', token, lastIndex, lastTerm }),
      failed: (error) => this.#fail(error),
      full: (error) => this.#diskFull(error),
      roomAgain: () => this.#roomAgain(),
    });
    this.state = initialState({
      self,
      heartbeatMs: timings.heartbeatMs,
      electionMs: timings.electionMs,
      limits: { ...defaultLimits, ...this.options.limits },
      seed: Math.floor(this.#loop.random() * 2 ** 31),
      now: this.#loop.now(),
      recovered,
    });
    this.#stopped = false;
    interconnect.onMessage('raft', (payload, from) => {
      const message = payload as Message;
      // The name on the message must be the authenticated sender's.
      const sameLife = from.incarnation === null || from.incarnation === message.from.incarnation;
      if (from.nodeId === message.from.id && sameLife) this.feed({ kind: 'message', message });
    });
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) this.#timer.handle.cancel();
    this.#timer = null;
    this.#committedTimer?.cancel();
    this.#committedTimer = null;
    await this.#snapshotting;
    this.#applies.stop();
    this.#persist?.writeCommitted();
    await this.#persist?.stop();
    await this.#storage?.close();
    this.#storage = null;
  }

  /** What is on disk was read; from then on there is a state, also after a stop. */
  get loaded(): boolean {
    return this.state !== undefined;
  }

  get running(): boolean {
    return !this.#stopped;
  }

  feed(input: Input): void {
    this.run(() => void this.apply(input));
  }

  /** Runs `job` when no other input is in the middle of its effects. */
  run(job: () => void): void {
    if (this.#stopped) return;
    this.#jobs.push(job);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#jobs.shift(); next && !this.#stopped; next = this.#jobs.shift()) next();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#busy = false;
    }
    this.#arm();
  }

  /** Only inside `run`. `before` sees the effects before any of them is performed. */
  apply(input: Input, before?: (effects: readonly Effect[]) => void): void {
    const { state, effects } = step(this.state, this.#loop.now(), input);
    this.state = state;
    if (state.leaderContactAt !== null) this.heardAt = state.leaderContactAt;
    this.options.tap?.(state, effects);
    before?.(effects);
    for (const effect of effects) this.#perform(effect);
    this.#snapshotIfDue();
    this.#noteCommitted();
  }

  /**
   * What is known to be committed is in the replica at once: without a majority nobody would tell again, and people must be able to sign in and see
   * what was. Entries beyond it may still be replaced; they wait for a leader.
   */
  #replay(recovered: Recovered, committed: number): void {
    this.kv = whole(decodeParts(recovered.snapshot?.parts ?? [], this.options.seenLimit));
    this.#replayedIndex = recovered.snapshot?.index ?? 0;
    for (const entry of recovered.entries) {
      if (entry.index !== this.#replayedIndex + 1 || entry.index > committed) continue;
      if (entry.kind === 'txn') applyCommand(this.kv, JSON.parse(entry.data) as Command);
      this.#replayedIndex = entry.index;
    }
  }

  #diskFull(error: Error): void {
    this.trouble = error.message;
    this.options.logger.error({ err: error }, 'control store: no room, nothing is taken or acknowledged here');
    this.feed({ kind: 'disk', writable: false });
  }

  #roomAgain(): void {
    this.trouble = null;
    this.options.logger.info('control store: there is room again');
    this.feed({ kind: 'disk', writable: true });
  }

  #noteCommitted(): void {
    const { commitIndex, durableIndex, snapshot } = this.state;
    // Durable here too: an entry that a crash may still take away must not be told to be committed. Up to the snapshot it tells itself.
    const index = Math.min(commitIndex, durableIndex);
    if (index <= (snapshot?.index ?? 0) || !this.#storage?.noteCommitted(index) || this.#committedTimer) return;
    const write = () => {
      this.#committedTimer = null;
      this.#persist?.writeCommitted();
    };
    this.#committedTimer = this.#loop.after(committedEveryMs, write, 'background');
  }

  noteGrants(index: number, groups: readonly string[]): void {
    if (this.leases) this.leases = grantAppended(this.leases, index, groups);
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'persist':
        this.#persist!.push(effect);
        return;
      case 'send':
        this.#send(effect.messages);
        return;
      case 'apply':
        this.#applies.push(this.#applyEntries(effect.entries));
        return;
      case 'restore':
        this.#applies.push(this.#restore(effect.snapshot));
        return;
      case 'read-ready':
        this.#applies.push(this.#answerRead(effect.id, effect.index));
        return;
      case 'read-refused':
        this.events.read(effect.id, null);
        return;
      case 'role':
        if (this.state.role !== 'leader') this.#notReady();
        this.events.role(this.state);
        return;
      case 'fatal':
        this.#fail(
          new Error(
            `The directory ${this.options.directory} was emptied while this node still counts as a voter. ` +
              'Give the node a new identity (move its whole data directory away) and start it again: it rejoins as a new member.',
          ),
        );
        return;
      case 'proposed':
      case 'refused':
        return;
    }
  }

  *#applyEntries(entries: readonly Entry[]): Work {
    let changes: WatchEvent[] = [];
    let chars = 0;
    for (const [at, entry] of entries.entries()) {
      changes.push(...this.#applyEntry(entry));
      chars += entry.data.length + 64;
      if (chars < stepChars && at < entries.length - 1) continue;
      if (changes.length > 0) this.events.changed(changes);
      changes = [];
      yield chars;
      chars = 0;
    }
  }

  #applyEntry(entry: Entry): readonly WatchEvent[] {
    const known = entry.index <= this.#replayedIndex;
    const result = entry.kind === 'txn' && !known ? applyCommand(this.kv, JSON.parse(entry.data) as Command) : null;
    const events = result?.kind === 'done' ? result.events : [];
    if (this.leases) this.leases = entryApplied(this.leases, entry.index, events, this.#loop.now());
    if (entry.index === this.state.leading?.noopIndex) {
      this.longestLeaseMs = Math.max(this.longestLeaseMs, configuredIn(this.kv) ?? 0);
      this.leases = newLeaseTable(this.#loop.now(), this.leaseMs(), this.longestLeaseMs);
      this.events.ready(true, this.state.term);
    }
    this.events.applied(entry, result);
    return events;
  }

  /** The replica stays what it was until the new one is whole. */
  *#restore(snapshot: Snapshot): Work {
    const after = yield* decodeParts(snapshot.parts, this.options.seenLimit);
    const before = this.kv;
    this.kv = after;
    this.#replayedIndex = snapshot.index;
    for (const events of differences(before, after)) {
      if (events) this.events.changed(events);
      yield stepChars;
    }
  }

  // biome-ignore lint/correctness/useYield: it waits in the queue for what comes before it, and costs nothing itself.
  *#answerRead(id: number, index: number): Work {
    this.events.read(id, index);
  }

  #notReady(): void {
    if (!this.leases) return;
    this.leases = null;
    this.events.ready(false, this.state.term);
  }

  #snapshotIfDue(): void {
    const { state } = this;
    // A replica that is ahead of what Raft has applied, or behind it, is no picture of the applied index.
    if (this.#snapshotting || this.#stopped || state.appliedIndex < this.#replayedIndex || !this.#applies.idle) return;
    if (!state.writable || this.#loop.now() < this.#snapshotNotBefore || !this.#snapshotDue()) return;
    const head = snapshotAt(state, state.appliedIndex);
    if (!head) return;
    const parts: string[] = [];
    const texts = encodeParts(imageOf(this.kv), Math.ceil(state.limits.chunkChars / 2));
    // Encoded as it is written, a part at a time; the thread is free in between.
    function* kept() {
      for (const part of texts) {
        parts.push(part);
        yield part;
      }
    }
    this.#snapshotting = this.#storage!.saveSnapshot(head, kept())
      .then(() => {
        this.#snapshotting = null;
        this.feed({ kind: 'snapshotted', index: head.index, parts });
      })
      .catch((error: unknown) => {
        this.#snapshotting = null;
        if (error instanceof DiskFull) this.#snapshotLater(error);
        else this.#fail(error instanceof Error ? error : new Error(String(error)));
      });
  }

  /** Members take turns: a snapshot costs time, and no two of them should spend it at once. */
  #snapshotDue(): boolean {
    const { state } = this;
    const members = membersOf(configurationOf(state)).map(memberKey).sort();
    const share = Math.max(0, members.indexOf(state.selfKey)) / Math.max(1, members.length);
    const every = this.options.snapshotEvery ?? 10_000;
    const turnOf = (index: number) => Math.floor((index + Math.floor(share * every)) / every);
    const last = state.snapshot?.index ?? 0;
    const heavy = state.log.chars > maxLogChars * (0.5 + share / 2) && state.appliedIndex - last > 100;
    return heavy || turnOf(state.appliedIndex) > turnOf(last);
  }

  /** The log goes on growing meanwhile; its own writes say whether the disk is really full. */
  #snapshotLater(error: DiskFull): void {
    this.#snapshotNotBefore = this.#loop.now() + snapshotAgainAfterMs;
    this.options.logger.warn({ err: error }, 'control store: no room for a snapshot');
  }

  #send(messages: readonly Message[]): void {
    if (this.#stopped) return;
    for (const message of messages) this.options.interconnect.send(message.to.id, 'raft', message);
  }

  #arm(): void {
    if (this.#stopped) return;
    const at = nextTickAt(this.state);
    if (this.#timer && this.#timer.at <= at) return;
    if (this.#timer) this.#timer.handle.cancel();
    this.#timer = null;
    if (at === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(1, Math.ceil(at - this.#loop.now()));
    // A timer is left to fire early rather than moved at each heartbeat.
    const handle = this.#loop.after(wait, () => {
      this.#timer = null;
      this.feed({ kind: 'tick' });
    });
    this.#timer = { handle, at };
  }

  #fail(error: Error): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#timer) this.#timer.handle.cancel();
    this.#timer = null;
    this.options.logger.fatal({ err: error }, 'control store stopped');
    this.#notReady();
    this.options.onFatal(error);
  }
}
