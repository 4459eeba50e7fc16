/**
 * A control store in memory for tests of what stands on it: linearizable by being one process, with leases on a clock the test moves. Several
 * controllers may share one (`as`), so that a test can kill one and let the next go on.
 */
import type {
  ControlStore,
  EmbeddedControlStore,
  Json,
  KeyValue,
  LocalRead,
  Mutation,
  RaftConfiguration,
  RaftLogEntry,
  RaftMember,
  RaftStatus,
  RenewResult,
  Txn,
  TxnResult,
  WatchEvent,
} from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';

type Watcher = { readonly prefix: string; readonly onEvents: (events: readonly WatchEvent[]) => void };
type Lease = { epoch: number; holder: NodeId; untilMs: number; released: boolean };

export class MemoryStore {
  readonly entries = new Map<string, KeyValue>();
  readonly leases = new Map<string, Lease>();
  readonly watchers = new Set<Watcher>();
  readonly leadership = new Set<{ id: NodeId; callback: (leading: boolean, term: number) => void }>();
  revision = 0;
  term = 1;
  leader: NodeId | null = null;
  hasQuorum = true;
  configuration: RaftConfiguration = { voters: [], learners: [] };
  /** Called after each applied transaction; a test may kill a controller here. */
  afterTxn: ((txn: Txn) => void) | null = null;
  txns = 0;
  leaseMs = 2_000;

  constructor(readonly now: () => number = () => performance.now()) {}

  put(key: string, value: unknown): void {
    this.apply([{ kind: 'put', key, value: value as Json }]);
  }

  value<T>(key: string): T {
    return this.entries.get(key)?.value as unknown as T;
  }

  lead(id: NodeId): void {
    const before = this.leader;
    this.term++;
    this.leader = id;
    for (const lease of this.leases.values()) if (lease.untilMs > this.now()) lease.untilMs = this.now() + this.leaseMs;
    for (const entry of [...this.leadership])
      if (entry.id === before && before !== id) entry.callback(false, this.term);
    for (const entry of [...this.leadership]) if (entry.id === id) entry.callback(true, this.term);
  }

  txn(txn: Txn): TxnResult {
    const keysOf = txn.compare.map((compare) => this.entries.get(compare.key)).filter((entry) => entry !== undefined);
    const holds = txn.compare.every(
      (compare) => (this.entries.get(compare.key)?.modRevision ?? 0) === compare.modRevision,
    );
    if (!holds) return { succeeded: false, revision: this.revision, current: keysOf };
    if (txn.leaseGuard) {
      const lease = this.leases.get(txn.leaseGuard.group);
      if (lease && !lease.released && lease.untilMs > this.now()) {
        throw new ClusterError('CONFLICT', 'The lease is held.', { clusterCode: 'CLU_LEASE_HELD' });
      }
    }
    const revision = this.apply(txn.mutations);
    if (txn.grants) {
      const { group, epoch, holder } = txn.grants;
      this.leases.set(group, { epoch, holder, untilMs: this.now() + this.leaseMs, released: false });
    }
    this.txns++;
    this.afterTxn?.(txn);
    return { succeeded: true, revision, current: [] };
  }

  private apply(mutations: readonly Mutation[]): number {
    const revision = ++this.revision;
    const events: WatchEvent[] = [];
    for (const mutation of mutations) {
      const before = this.entries.get(mutation.key);
      if (mutation.kind === 'delete') this.entries.delete(mutation.key);
      else {
        const value = JSON.parse(JSON.stringify(mutation.value)) as Json;
        const createRevision = before?.createRevision ?? revision;
        this.entries.set(mutation.key, { key: mutation.key, value, createRevision, modRevision: revision });
      }
      const value = mutation.kind === 'put' ? mutation.value : null;
      events.push({ revision, kind: mutation.kind, key: mutation.key, value, modRevision: revision });
    }
    for (const watcher of [...this.watchers]) {
      const fitting = events.filter((event) => event.key.startsWith(watcher.prefix));
      if (fitting.length > 0) watcher.onEvents(fitting);
    }
    return revision;
  }

  /** The store as one member sees it. */
  as(id: NodeId): MemoryStoreMember {
    return new MemoryStoreMember(this, id);
  }
}

export class MemoryStoreMember implements EmbeddedControlStore, ControlStore {
  /** A killed member answers nothing any more, like a dead process. */
  dead = false;

  constructor(
    readonly shared: MemoryStore,
    private readonly id: NodeId,
  ) {}

  async get(key: string): Promise<KeyValue | null> {
    this.#alive();
    return this.shared.entries.get(key) ?? null;
  }
  async list(prefix: string): Promise<readonly KeyValue[]> {
    this.#alive();
    return this.localList(prefix);
  }
  async txn(txn: Txn): Promise<TxnResult> {
    this.#alive();
    const result = this.shared.txn(txn);
    // Killed between commit and answer: the caller never hears of it.
    this.#alive();
    return result;
  }
  async renewLease(group: string, epoch: number, holder: NodeId): Promise<RenewResult> {
    this.#alive();
    const lease = this.shared.leases.get(group);
    if (!lease || lease.epoch !== epoch || lease.holder !== holder || lease.released) {
      return { ok: false, reason: 'superseded', epoch: lease?.epoch ?? null };
    }
    lease.untilMs = this.shared.now() + this.shared.leaseMs;
    return { ok: true, epoch, leaseMs: this.shared.leaseMs };
  }
  localGet(key: string): KeyValue | null {
    return this.shared.entries.get(key) ?? null;
  }
  localList(prefix: string): readonly KeyValue[] {
    return [...this.shared.entries.values()].filter((entry) => entry.key.startsWith(prefix));
  }
  localState(): LocalRead {
    return { ageMs: 0, revision: this.shared.revision };
  }
  watch(prefix: string, onEvents: (events: readonly WatchEvent[]) => void): () => void {
    const watcher = { prefix, onEvents };
    this.shared.watchers.add(watcher);
    return () => this.shared.watchers.delete(watcher);
  }
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  status(): RaftStatus {
    const { configuration, leader, term, revision, hasQuorum } = this.shared;
    return {
      id: this.id,
      role: leader === this.id ? 'leader' : 'follower',
      term,
      leader,
      commitIndex: revision,
      appliedIndex: revision,
      lastIndex: revision,
      snapshotIndex: 0,
      logBytes: 0,
      stateBytes: 0,
      configuration,
      peers: [...configuration.voters, ...configuration.learners].map((member) => ({
        id: member.id,
        voter: configuration.voters.includes(member),
        matchIndex: revision,
        nextIndex: revision + 1,
        lastContactMs: 0,
        state: 'replicate' as const,
      })),
      hasQuorum,
      quorumSize: Math.floor(configuration.voters.length / 2) + 1,
    };
  }
  recentLog(): readonly RaftLogEntry[] {
    return [];
  }
  async transferLeadership(to: NodeId): Promise<void> {
    this.shared.lead(to);
  }
  async addLearner(member: RaftMember): Promise<void> {
    const { configuration } = this.shared;
    this.shared.configuration = { ...configuration, learners: [...configuration.learners, member] };
  }
  async promoteLearner(id: NodeId): Promise<void> {
    const { voters, learners } = this.shared.configuration;
    const member = learners.find((entry) => entry.id === id);
    if (!member) throw new ClusterError('CONFLICT', `${id} is no learner.`);
    this.shared.configuration = { voters: [...voters, member], learners: learners.filter((entry) => entry.id !== id) };
  }
  async removeMember(id: NodeId): Promise<void> {
    const { voters, learners } = this.shared.configuration;
    const without = (members: readonly RaftMember[]) => members.filter((member) => member.id !== id);
    this.shared.configuration = { voters: without(voters), learners: without(learners) };
  }
  isLeader(): boolean {
    return !this.dead && this.shared.leader === this.id;
  }
  onLeadership(callback: (leading: boolean, term: number) => void): () => void {
    const entry = { id: this.id, callback };
    this.shared.leadership.add(entry);
    return () => this.shared.leadership.delete(entry);
  }
  leaseRemainingMs(group: string): number | null {
    if (!this.isLeader()) return null;
    const lease = this.shared.leases.get(group);
    if (!lease || lease.released) return 0;
    return lease.untilMs - this.shared.now();
  }
  setTimings(timings: { leaseMs: number }): void {
    this.shared.leaseMs = timings.leaseMs;
  }

  #alive(): void {
    if (this.dead) throw new ClusterError('UNAVAILABLE', 'This member is dead.');
    if (!this.shared.hasQuorum) {
      throw new ClusterError('UNAVAILABLE', 'The control store has no majority.', { clusterCode: 'CLU_NO_QUORUM' });
    }
  }
}
