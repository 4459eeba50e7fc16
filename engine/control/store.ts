/**
 * ControlStore: the only door to control state (membership, group records, catalogs, users, operation journal).
 * Implementations: embedded Raft (engine/control/raft), later etcd and one fsynced file. Values are JSON.
 *
 * Contract: get, list and txn are linearizable and fail with UNAVAILABLE (CLU_NO_QUORUM) without a majority;
 * `local` reads answer from this process's replica with its age and never block.
 */
import type { Epoch, GroupName, Incarnation, NodeId } from '../kernel/ids';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type KeyValue = {
  readonly key: string;
  readonly value: Json;
  /** Store revision (one per applied transaction that changed something) at which the key was created / last changed. */
  readonly createRevision: number;
  readonly modRevision: number;
};

/** Holds when the key's modRevision equals `modRevision`; 0 means: the key does not exist. */
export type Compare = { readonly key: string; readonly modRevision: number };

export type Mutation =
  | { readonly kind: 'put'; readonly key: string; readonly value: Json }
  | { readonly kind: 'delete'; readonly key: string };

/**
 * A lease check that the store's leader makes against its own clock before it appends the transaction, and again when it applies it
 * on a changed group record: refuse (CLU_LEASE_HELD) unless the lease of `group` at `epoch` has run out or was released.
 */
export type LeaseGuard = { readonly group: GroupName; readonly epoch: Epoch };

export type Txn = {
  readonly compare: readonly Compare[];
  readonly mutations: readonly Mutation[];
  readonly leaseGuard?: LeaseGuard;
  /**
   * Set on a transaction that changes who holds a group's lease (grant). From the moment it is appended until it is applied or lost,
   * the leader refuses renewals of that group's older epoch.
   */
  readonly grants?: { readonly group: GroupName; readonly epoch: Epoch; readonly holder: NodeId };
};

export type TxnResult = {
  /** False: a compare failed, nothing changed; `current` tells the compared keys as they are. */
  readonly succeeded: boolean;
  readonly revision: number;
  readonly current: readonly KeyValue[];
};

export type WatchEvent = {
  readonly revision: number;
  readonly kind: 'put' | 'delete';
  readonly key: string;
  readonly value: Json;
  readonly modRevision: number;
};

/** Answer to a renewal: the leader confirmed its leadership by a read-index round after it received the request. */
export type RenewResult =
  | { readonly ok: true; readonly epoch: Epoch; readonly leaseMs: number }
  | {
      readonly ok: false;
      readonly reason: 'superseded' | 'no-quorum' | 'grant-in-flight' | 'unknown-group';
      readonly epoch: Epoch | null;
    };

export type LocalRead = {
  /** Milliseconds since this replica last heard from a leader with a majority; Infinity: never. */
  readonly ageMs: number;
  readonly revision: number;
};

export interface ControlStore {
  get(key: string): Promise<KeyValue | null>;
  list(prefix: string): Promise<readonly KeyValue[]>;
  txn(txn: Txn): Promise<TxnResult>;
  /** Renews (group, epoch) for `holder`. The holder counts its lease from the moment *before* this call. */
  renewLease(group: GroupName, epoch: Epoch, holder: NodeId): Promise<RenewResult>;

  /** This process's replica, possibly behind. */
  localGet(key: string): KeyValue | null;
  localList(prefix: string): readonly KeyValue[];
  localState(): LocalRead;
  /** Calls back, in order, for each change applied to the local replica under `prefix`. Returns the unsubscribe function. */
  watch(prefix: string, onEvents: (events: readonly WatchEvent[]) => void): () => void;
}

/** A Raft member: a node in one life of its data directory. */
export type RaftMember = { readonly id: NodeId; readonly incarnation: Incarnation };

export type RaftConfiguration = {
  readonly voters: readonly RaftMember[];
  readonly learners: readonly RaftMember[];
};

export type RaftPeerStatus = {
  readonly id: NodeId;
  readonly voter: boolean;
  /** Highest log index known to be on the peer; only the leader knows. */
  readonly matchIndex: number | null;
  readonly nextIndex: number | null;
  /** Milliseconds since the peer last answered this leader; null when this is not the leader or it never did. */
  readonly lastContactMs: number | null;
  readonly state: 'probe' | 'replicate' | 'snapshot' | 'unknown';
};

export type RaftStatus = {
  readonly id: NodeId;
  readonly role: 'leader' | 'follower' | 'pre-candidate' | 'candidate' | 'learner';
  readonly term: number;
  readonly leader: NodeId | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  readonly logBytes: number;
  readonly stateBytes: number;
  readonly configuration: RaftConfiguration;
  readonly peers: readonly RaftPeerStatus[];
  /** As the leader sees it: a majority of voters answered within the last election time-out. Followers: a leader is known. */
  readonly hasQuorum: boolean;
  readonly quorumSize: number;
};

export type RaftLogEntry = {
  readonly index: number;
  readonly term: number;
  readonly kind: 'noop' | 'txn' | 'configuration';
  /** Decoded for people; values of secret-bearing keys are replaced by "(secret)". */
  readonly summary: string;
  readonly bytes: number;
};

/** What the agent needs of the embedded store beyond ControlStore. */
export interface EmbeddedControlStore extends ControlStore {
  start(): Promise<void>;
  stop(): Promise<void>;
  status(): RaftStatus;
  /** Why this member can't write (its disk is full) and what to do, one sentence; null: it can. */
  trouble?(): string | null;
  /** Newest first; with `before` only entries below that index. */
  recentLog(limit: number, before?: number | null): readonly RaftLogEntry[];
  transferLeadership(to: NodeId): Promise<void>;
  addLearner(member: RaftMember): Promise<void>;
  promoteLearner(id: NodeId): Promise<void>;
  removeMember(id: NodeId): Promise<void>;
  /** True from the moment this node leads and has applied its own first entry, until it steps down. */
  isLeader(): boolean;
  onLeadership(callback: (leading: boolean, term: number) => void): () => void;
  /** Leader only: milliseconds (this leader's clock) until the lease of the group may be granted elsewhere; ≤ 0: now. Null: not the leader. */
  leaseRemainingMs(group: GroupName): number | null;
  setTimings(timings: { heartbeatMs: number; electionMs: number; leaseMs: number }): void;
}
