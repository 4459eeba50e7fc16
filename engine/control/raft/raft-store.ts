/**
 * The embedded control store: the ControlStore interface on this node's Raft member. Requests of non-leaders go to the leader.
 *
 * Invariants: get, list and txn are linearizable (read index, log); an answer that depends on a lease is judged after its read-index round, right
 * before it is given.
 */
import { randomUUID } from 'node:crypto';
import { ClusterError, messageOf } from '../../kernel/errors';
import type { Epoch, GroupName, NodeId } from '../../kernel/ids';
import { type Loop, systemLoop } from '../../kernel/loop';
import type { Applied } from '../core/kv';
import { listKeys } from '../core/kv';
import { checkTxn, refuseFull } from '../core/kv-limits';
import {
  grantedMs,
  groupsGrantedBy,
  guardRefuses,
  judgeRenewal,
  leaseOf,
  remainingMs,
  renewed,
  withConfiguredMs,
} from '../core/leases';
import type {
  EmbeddedControlStore,
  KeyValue,
  LocalRead,
  RaftLogEntry,
  RaftMember,
  RaftStatus,
  RenewResult,
  Txn,
  TxnResult,
  WatchEvent,
} from '../store';
import { configurationOf } from './core/configuration';
import { entryAt, lastIndex } from './core/log';
import { type ConfigurationChange, type Effect, type Input, memberKey, type Refusal } from './core/model';
import { LeaderCalls } from './leader-calls';
import { describeEntry } from './log-view';
import { notLeader, PendingProposals, PendingReads } from './pending';
import { RaftRuntime, type RuntimeOptions, type Timings } from './raft-runtime';
import { statusOf } from './raft-status';

export type RaftControlStoreOptions = RuntimeOptions & {
  /** How long a request waits for a leader. Default 5,000. */
  readonly requestMs?: number;
  /** Ids of transactions, unique for ever. Default: random UUIDs. */
  readonly newId?: () => string;
};

const secondsForMembership = 30_000;

export class RaftControlStore implements EmbeddedControlStore {
  readonly #runtime: RaftRuntime;
  readonly #calls: LeaderCalls;
  readonly #proposals = new PendingProposals();
  readonly #reads = new PendingReads();
  readonly #watchers = new Set<{
    readonly prefix: string;
    readonly onEvents: (events: readonly WatchEvent[]) => void;
  }>();
  readonly #leadership = new Set<(leading: boolean, term: number) => void>();
  readonly #loop: Loop;
  #timings: Timings;

  constructor(private readonly options: RaftControlStoreOptions) {
    this.#timings = options.timings;
    this.#loop = options.loop ?? systemLoop;
    this.#runtime = new RaftRuntime(
      options,
      {
        applied: (entry, result) => this.#proposals.applied(entry, result),
        changed: (events) => this.#tellWatchers(events),
        role: () => this.#calls.changed(),
        ready: (ready, term) => this.#tellLeadership(ready, term),
        read: (id, index) => this.#reads.answer(id, index),
      },
      () => this.#timings.leaseMs,
    );
    this.#calls = new LeaderCalls(options.interconnect, this.#loop, () => ({
      ready: this.isLeader(),
      leader: this.#runtime.running ? (this.#runtime.state.leader?.id ?? null) : null,
      self: options.self.id,
    }));
  }

  async start(): Promise<void> {
    await this.#runtime.start();
    this.#serve();
  }

  async stop(): Promise<void> {
    await this.#runtime.stop();
    this.#calls.stop();
    this.#proposals.rejectAll();
  }

  // -------------------------------------------------------------- ControlStore
  get(key: string): Promise<KeyValue | null> {
    return this.#call('store.get', { key }, () => this.#leaderGet(key));
  }

  list(prefix: string): Promise<readonly KeyValue[]> {
    return this.#call('store.list', { prefix }, () => this.#leaderList(prefix));
  }

  async txn(txn: Txn): Promise<TxnResult> {
    checkTxn(txn, 0);
    const id = (this.options.newId ?? randomUUID)();
    return this.#call('store.txn', { id, txn }, () => this.#leaderTxn(id, txn));
  }

  async renewLease(group: GroupName, epoch: Epoch, holder: NodeId): Promise<RenewResult> {
    const payload = { group, epoch, holder };
    try {
      // An answer later than this is of no use: the holder has asked again or stopped.
      const budgetMs = (leaseOf(this.#runtime.kv, group)?.leaseMs ?? this.#timings.leaseMs) / 2;
      return await this.#call('store.renew', payload, () => this.#leaderRenew(group, epoch, holder), budgetMs);
    } catch (error) {
      if (error instanceof ClusterError && error.code === 'UNAVAILABLE')
        return { ok: false, reason: 'no-quorum', epoch: null };
      throw error;
    }
  }

  localGet(key: string): KeyValue | null {
    return this.#runtime.kv.values.get(key) ?? null;
  }

  localList(prefix: string): readonly KeyValue[] {
    return listKeys(this.#runtime.kv, prefix);
  }

  localState(): LocalRead {
    const { revision } = this.#runtime.kv;
    if (this.isLeader()) return { ageMs: 0, revision };
    const { heardAt } = this.#runtime;
    return { ageMs: heardAt === null ? Number.POSITIVE_INFINITY : this.#loop.now() - heardAt, revision };
  }

  watch(prefix: string, onEvents: (events: readonly WatchEvent[]) => void): () => void {
    const watcher = { prefix, onEvents };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  // -------------------------------------------------------------- EmbeddedControlStore
  /** @throws UNAVAILABLE before `start` has read what is on disk */
  status(): RaftStatus {
    this.#mustBeLoaded();
    return statusOf(this.#runtime.state, this.#runtime.kv.bytes, this.#loop.now());
  }

  trouble(): string | null {
    return this.#runtime.trouble;
  }

  recentLog(limit: number, before: number | null = null): readonly RaftLogEntry[] {
    this.#mustBeLoaded();
    const { log } = this.#runtime.state;
    const found: RaftLogEntry[] = [];
    const newest = before === null ? lastIndex(log) : Math.min(lastIndex(log), before - 1);
    for (let index = newest; found.length < limit; index--) {
      const entry = entryAt(log, index);
      if (!entry) break;
      found.push(describeEntry(entry));
    }
    return found;
  }

  /** Requests may come as soon as this node listens, before its store runs. */
  #mustBeLoaded(): void {
    if (this.#runtime.loaded) return;
    throw new ClusterError('UNAVAILABLE', 'This node is starting: its control store does not run yet', {
      clusterCode: 'CLU_NOT_LEADER',
    });
  }

  isLeader(): boolean {
    return this.#runtime.running && this.#runtime.leases !== null;
  }

  onLeadership(callback: (leading: boolean, term: number) => void): () => void {
    this.#leadership.add(callback);
    return () => void this.#leadership.delete(callback);
  }

  leaseRemainingMs(group: GroupName): number | null {
    const { leases, kv } = this.#runtime;
    return leases && this.isLeader() ? remainingMs(leases, kv, group, this.#loop.now()) : null;
  }

  setTimings(timings: Timings): void {
    this.#timings = timings;
    const { heartbeatMs, electionMs, leaseMs } = timings;
    this.#runtime.longestLeaseMs = Math.max(this.#runtime.longestLeaseMs, leaseMs);
    this.#runtime.run(() => {
      const { leases } = this.#runtime;
      if (leases) this.#runtime.leases = withConfiguredMs(leases, leaseMs);
      this.#runtime.apply({ kind: 'timings', heartbeatMs, electionMs });
    });
  }

  async transferLeadership(to: NodeId): Promise<void> {
    await this.#call('store.transfer', { to }, () => this.#leaderTransfer(to));
    const deadline = this.#loop.now() + 2 * this.#timings.electionMs;
    while (this.#runtime.state.leader?.id !== to) {
      if (this.#loop.now() > deadline) {
        throw new ClusterError('TIMEOUT', `${to} did not take over in time; the present leader goes on`);
      }
      await this.#calls.nextChange(20);
    }
  }

  addLearner(member: RaftMember): Promise<void> {
    return this.#call(
      'store.add-learner',
      { member },
      () => this.#change({ kind: 'add-learner', member }, 'already-member'),
      secondsForMembership,
    );
  }

  promoteLearner(id: NodeId): Promise<void> {
    return this.#call('store.promote', { id }, () => this.#leaderPromote(id), secondsForMembership);
  }

  removeMember(id: NodeId): Promise<void> {
    return this.#call('store.remove', { id }, () => this.#leaderRemove(id), secondsForMembership);
  }

  // -------------------------------------------------------------- leader's side
  #serve(): void {
    const { interconnect } = this.options;
    const serve = <P>(method: string, answer: (payload: P) => Promise<unknown>) =>
      interconnect.onRequest(method, (payload) => {
        if (!this.isLeader()) throw notLeader('asked by another node');
        return answer(payload as P);
      });
    serve<{ key: string }>('store.get', ({ key }) => this.#leaderGet(key));
    serve<{ prefix: string }>('store.list', ({ prefix }) => this.#leaderList(prefix));
    serve<{ id: string; txn: Txn }>('store.txn', ({ id, txn }) => this.#leaderTxn(id, txn));
    serve<{ group: string; epoch: number; holder: string }>('store.renew', ({ group, epoch, holder }) =>
      this.#leaderRenew(group, epoch, holder),
    );
    serve<{ to: string }>('store.transfer', ({ to }) => this.#leaderTransfer(to));
    serve<{ member: RaftMember }>('store.add-learner', ({ member }) =>
      this.#change({ kind: 'add-learner', member }, 'already-member'),
    );
    serve<{ id: string }>('store.promote', ({ id }) => this.#leaderPromote(id));
    serve<{ id: string }>('store.remove', ({ id }) => this.#leaderRemove(id));
  }

  #call<T>(
    method: string,
    payload: unknown,
    local: () => Promise<T>,
    budgetMs = this.options.requestMs ?? 5000,
  ): Promise<T> {
    return this.#calls.run({ method, payload, local, budgetMs });
  }

  async #confirmLeadership(patient = false): Promise<void> {
    const { id, done } = this.#reads.add();
    this.#runtime.feed({ kind: 'read', id, patient });
    if (!this.#runtime.running) this.#reads.answer(id, null);
    await done;
  }

  async #leaderGet(key: string): Promise<KeyValue | null> {
    await this.#confirmLeadership();
    return this.localGet(key);
  }

  async #leaderList(prefix: string): Promise<readonly KeyValue[]> {
    await this.#confirmLeadership();
    return this.localList(prefix);
  }

  async #leaderRenew(group: GroupName, epoch: Epoch, holder: NodeId): Promise<RenewResult> {
    // A heartbeat is at most an eighth of the lease away, and renewals of all groups share it.
    await this.#confirmLeadership(true);
    const { leases, kv } = this.#runtime;
    if (!leases || !this.isLeader()) throw notLeader('it stepped down');
    const verdict = judgeRenewal(leases, kv, { group, epoch, holder });
    if (verdict !== 'ok') {
      const record = kv.values.get(`groups/${group}`)?.value as { readonly epoch?: number } | undefined;
      return { ok: false, reason: verdict, epoch: record?.epoch ?? null };
    }
    this.#runtime.leases = renewed(leases, group, leaseOf(kv, group)!, this.#loop.now());
    return { ok: true, epoch, leaseMs: grantedMs(leases, kv, group) };
  }

  async #leaderTxn(id: string, txn: Txn): Promise<TxnResult> {
    checkTxn(txn, this.#runtime.kv.bytes);
    const applied = await this.#propose({ kind: 'propose', data: [JSON.stringify({ id, txn })] }, txn);
    return resultOf(applied, txn, this.#runtime.kv.bytes);
  }

  /** Appends and waits until it is applied. With a lease guard: judged by this leader's clock in the same instant as the append. */
  #propose(input: Input, txn: Txn | null): Promise<Applied | null> {
    return new Promise((resolve, reject) => {
      if (!this.#runtime.running) return reject(notLeader('it stopped'));
      this.#runtime.run(() => {
        const { leases, kv } = this.#runtime;
        if (!leases) return reject(notLeader('it stepped down'));
        const wait = txn && guardRefuses(leases, kv, txn, this.#loop.now());
        if (txn && wait !== null) return reject(leaseHeld(txn, wait));
        this.#runtime.apply(input, (effects) => {
          const refusal = effects.find((effect) => effect.kind === 'refused');
          if (refusal?.kind === 'refused') return reject(refused(refusal.reason));
          const proposed = effects.find(
            (effect): effect is Effect & { kind: 'proposed' } => effect.kind === 'proposed',
          );
          if (!proposed) return reject(new ClusterError('INTERNAL', 'The control store did not take the entry'));
          if (txn) this.#runtime.noteGrants(proposed.firstIndex, groupsGrantedBy(kv, txn));
          this.#proposals.add(proposed.firstIndex, proposed.term).then(resolve, reject);
        });
      });
    });
  }

  async #change(change: ConfigurationChange, alreadyDone: Refusal): Promise<void> {
    try {
      await this.#propose({ kind: 'change', change }, null);
    } catch (error) {
      if (error instanceof ClusterError && error.details.extra?.refusal === alreadyDone) return;
      throw error;
    }
  }

  async #leaderPromote(id: NodeId): Promise<void> {
    const { voters, learners } = configurationOf(this.#runtime.state);
    const learner = learners.find((member) => member.id === id);
    const older = voters.find((member) => member.id === id);
    // Remove first: swapping in one entry would allow two majorities without a common member.
    if (learner && older) await this.#change({ kind: 'remove', member: older }, 'unknown-member');
    await this.#change({ kind: 'promote', id }, 'already-member');
  }

  async #leaderRemove(id: NodeId): Promise<void> {
    const { voters, learners } = configurationOf(this.#runtime.state);
    const lives = [...voters, ...learners].filter((member) => member.id === id);
    const self = memberKey(this.options.self);
    if (lives.some((member) => memberKey(member) === self)) {
      const next = voters.find((member) => memberKey(member) !== self);
      if (!next) throw refused('last-voter');
      await this.#leaderTransfer(next.id);
      throw notLeader('it hands leadership over before it is removed');
    }
    for (const member of lives) await this.#change({ kind: 'remove', member }, 'unknown-member');
  }

  #leaderTransfer(to: NodeId): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.isLeader()) return reject(notLeader('it stepped down'));
      this.#runtime.run(() =>
        this.#runtime.apply({ kind: 'transfer', to }, (effects) => {
          const refusal = effects.find((effect) => effect.kind === 'refused');
          if (refusal?.kind === 'refused') reject(refused(refusal.reason));
          else resolve();
        }),
      );
    });
  }

  // -------------------------------------------------------------- telling others
  #tellWatchers(events: readonly WatchEvent[]): void {
    for (const watcher of [...this.#watchers]) {
      const wanted = events.filter((event) => event.key.startsWith(watcher.prefix));
      if (wanted.length > 0) this.#guarded(() => watcher.onEvents(wanted));
    }
  }

  #tellLeadership(ready: boolean, term: number): void {
    if (!ready) this.#proposals.rejectAll();
    this.#calls.changed();
    for (const callback of [...this.#leadership]) this.#guarded(() => callback(ready, term));
  }

  /** A subscriber's failure is its own; consensus goes on. */
  #guarded(job: () => void): void {
    try {
      job();
    } catch (error) {
      this.options.logger.error({ err: error }, `a subscriber of the control store failed: ${messageOf(error)}`);
    }
  }
}

function resultOf(applied: Applied | null, txn: Txn, stateBytes: number): TxnResult {
  if (applied?.kind === 'done') return applied.result;
  if (applied?.reason === 'state-full') return refuseFull(stateBytes);
  throw leaseHeld(txn, null);
}

function leaseHeld(txn: Txn, waitMs: number | null): ClusterError {
  const group = txn.leaseGuard?.group ?? '';
  const measured = waitMs === null ? 'the group record changed' : `${Math.ceil(waitMs)} ms left`;
  return new ClusterError('CONFLICT', `The lease of group ${group} at epoch ${txn.leaseGuard?.epoch} is still held`, {
    clusterCode: 'CLU_LEASE_HELD',
    reasons: [
      { rule: 'lease-held', measured, limit: '0 ms', remedy: 'Try again when the lease has run out or was released.' },
    ],
  });
}

const remedies: Record<
  Refusal,
  { readonly code: 'UNAVAILABLE' | 'PRECONDITION_FAILED' | 'NOT_FOUND' | 'CONFLICT'; readonly remedy: string }
> = {
  'not-leader': { code: 'UNAVAILABLE', remedy: 'Ask the leader.' },
  'not-ready': { code: 'UNAVAILABLE', remedy: 'Try again in a moment: the leader has just been elected.' },
  transferring: { code: 'UNAVAILABLE', remedy: 'Try again in a moment: leadership is being handed over.' },
  'disk-full': {
    code: 'UNAVAILABLE',
    remedy: 'Free space on the disk of the only voter: reads and leases go on, changes go on by themselves then.',
  },
  'too-many-uncommitted': { code: 'UNAVAILABLE', remedy: 'Try again: the followers are slower than the writes.' },
  'too-many-reads': { code: 'UNAVAILABLE', remedy: 'Try again: too many reads wait for a majority.' },
  'change-in-progress': { code: 'UNAVAILABLE', remedy: 'Try again when the present membership change is committed.' },
  'not-caught-up': { code: 'UNAVAILABLE', remedy: 'Wait until the learner has caught up.' },
  'unknown-member': { code: 'NOT_FOUND', remedy: 'Add the node as a learner first.' },
  'already-member': { code: 'CONFLICT', remedy: 'Nothing to do: it is a member already.' },
  'too-many-voters': { code: 'PRECONDITION_FAILED', remedy: 'Remove a voter first; further nodes stay learners.' },
  'last-voter': { code: 'PRECONDITION_FAILED', remedy: 'Promote another member first.' },
  'leader-removes-itself': { code: 'UNAVAILABLE', remedy: 'Transfer leadership first.' },
  'not-a-voter': { code: 'PRECONDITION_FAILED', remedy: 'Choose a voter.' },
};

function refused(reason: Refusal): ClusterError {
  const { code, remedy } = remedies[reason];
  return new ClusterError(code, `The control store refuses: ${reason}. ${remedy}`, {
    ...(reason === 'not-leader' ? { clusterCode: 'CLU_NOT_LEADER' as const } : {}),
    reasons: [{ rule: reason, measured: null, limit: null, remedy }],
    extra: { refusal: reason },
  });
}
