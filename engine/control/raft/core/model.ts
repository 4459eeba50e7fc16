/**
 * The words of the Raft core: state, inputs, effects and messages. Data only.
 *
 * Invariant kept here by shape: whatever may leave this process only after an fsync exists nowhere but inside a `persist` effect.
 */
import type { NodeId } from '../../../kernel/ids';
import type { RaftConfiguration, RaftMember, RaftStatus } from '../../store';
import type { RaftLog } from './log';

/** `id@incarnation`: who voted, who is counted. Two lives of one node are two members. */
export type MemberKey = string;

export type Entry = {
  readonly index: number;
  readonly term: number;
  readonly kind: 'noop' | 'txn' | 'configuration';
  /** Command text (txn), JSON of the configuration (configuration), empty (noop). The core never reads a txn. */
  readonly data: string;
};

/** What a snapshot is of; its text comes beside it. */
export type SnapshotHead = {
  readonly index: number;
  readonly term: number;
  readonly configuration: RaftConfiguration;
};

/** The text of the state machine in parts: never joined, so that nothing of its size is handled at once. The core never reads it. */
export type Snapshot = SnapshotHead & { readonly parts: readonly string[] };

export type HardState = { readonly term: number; readonly vote: MemberKey | null };

export type Role = RaftStatus['role'];

// ---------------------------------------------------------------- messages
type Envelope = { readonly from: RaftMember; readonly to: RaftMember; readonly term: number };

export type PreVote = Envelope & { readonly kind: 'pre-vote'; readonly lastIndex: number; readonly lastTerm: number };
export type PreVoteAnswer = Envelope & { readonly kind: 'pre-vote-answer'; readonly granted: boolean };
export type Vote = Envelope & {
  readonly kind: 'vote';
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The leader asked for this campaign: leader stickiness does not apply. */
  readonly transfer: boolean;
};
export type VoteAnswer = Envelope & { readonly kind: 'vote-answer'; readonly granted: boolean };
export type Append = Envelope & {
  readonly kind: 'append';
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  /** Read-index round; the answer echoes it. */
  readonly round: number;
  /** The leader's configuration lists the receiver as a voter. An empty directory that hears this has lost its votes. */
  readonly asVoter: boolean;
};
export type AppendAnswer = Envelope & {
  readonly kind: 'append-answer';
  readonly round: number;
  readonly prevIndex: number;
} & (
    | { readonly ok: true; readonly match: number }
    | { readonly ok: false; readonly hintIndex: number; readonly hintTerm: number }
  );
export type SnapshotChunk = Envelope & {
  readonly kind: 'snapshot';
  readonly index: number;
  readonly snapshotTerm: number;
  readonly configuration: RaftConfiguration;
  readonly offset: number;
  readonly chunk: string;
  readonly last: boolean;
  readonly round: number;
  readonly asVoter: boolean;
};
export type SnapshotAnswer = Envelope & {
  readonly kind: 'snapshot-answer';
  readonly index: number;
  readonly round: number;
  /** Next offset wanted, or `installed` with everything up to `match` durable. */
  readonly nextOffset: number;
  readonly installed: boolean;
  readonly match: number;
};
export type TimeoutNow = Envelope & { readonly kind: 'timeout-now' };

export type Message =
  | PreVote
  | PreVoteAnswer
  | Vote
  | VoteAnswer
  | Append
  | AppendAnswer
  | SnapshotChunk
  | SnapshotAnswer
  | TimeoutNow;

// ---------------------------------------------------------------- state
export type Limits = {
  /** Appends on the way to one peer, and their bytes. At the bound the peer waits for its own answers. */
  readonly maxInflight: number;
  readonly maxInflightBytes: number;
  readonly maxBatchBytes: number;
  /** Characters of a snapshot per message. */
  readonly chunkChars: number;
  /** Entries appended but not committed; at the bound proposals are refused. */
  readonly maxUncommitted: number;
  readonly maxPendingReads: number;
  /** Entries kept behind a snapshot for slow followers, and characters of the log kept with what follows it. */
  readonly keepBehind: number;
  readonly keepBehindChars: number;
  readonly maxVoters: number;
};

export const defaultLimits: Limits = {
  maxInflight: 64,
  maxInflightBytes: 4 << 20,
  maxBatchBytes: 512 << 10,
  chunkChars: 256 << 10,
  maxUncommitted: 4096,
  maxPendingReads: 4096,
  keepBehind: 1000,
  keepBehindChars: 4 << 20,
  maxVoters: 5,
};

export type Progress = {
  readonly member: RaftMember;
  readonly mode: 'probe' | 'replicate' | 'snapshot';
  readonly match: number;
  readonly next: number;
  readonly inflight: readonly { readonly last: number; readonly bytes: number }[];
  readonly inflightBytes: number;
  /** Probe or snapshot chunk sent and not answered; cleared by the answer or the next heartbeat. */
  readonly waiting: boolean;
  readonly snapshot: { readonly source: Snapshot; readonly offset: number } | null;
  readonly contactAt: number | null;
  readonly round: number;
};

export type PendingRead = { readonly id: number; readonly index: number; readonly round: number };

export type LeaderState = {
  readonly peers: ReadonlyMap<MemberKey, Progress>;
  /** Index of this term's noop; until it is committed there are neither reads nor membership changes. */
  readonly noopIndex: number;
  readonly electedAt: number;
  readonly heartbeatAt: number;
  /** Counts heartbeats: many learners take turns. */
  readonly beat: number;
  readonly round: number;
  readonly confirmedRound: number;
  readonly reads: readonly PendingRead[];
  readonly transfer: { readonly to: MemberKey; readonly deadline: number; readonly sent: boolean } | null;
};

export type RaftState = {
  readonly self: RaftMember;
  readonly selfKey: MemberKey;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly limits: Limits;
  /** False: the disk is full. Nothing is taken, acknowledged or voted until there is room. */
  readonly writable: boolean;
  /** State of the random generator: election time-outs are drawn from it. */
  readonly seed: number;

  readonly term: number;
  readonly vote: MemberKey | null;
  readonly role: Role;
  readonly leader: RaftMember | null;

  readonly log: RaftLog;
  readonly snapshot: Snapshot | null;
  /** Configurations that the log holds, oldest first; the last one is in force as soon as it is appended. */
  readonly configurations: readonly { readonly index: number; readonly configuration: RaftConfiguration }[];
  /** Everything up to here is fsynced on this node. */
  readonly durableIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;

  /** Last token given to a persist effect, and the token of the last one that cut the log. */
  readonly token: number;
  readonly cutToken: number;

  readonly electionAt: number;
  readonly leaderContactAt: number | null;
  readonly votes: ReadonlyMap<MemberKey, boolean>;
  readonly leading: LeaderState | null;
  readonly incoming: {
    readonly index: number;
    readonly term: number;
    readonly leaderTerm: number;
    readonly parts: readonly string[];
    readonly chars: number;
  } | null;
};

// ---------------------------------------------------------------- inputs
export type ConfigurationChange =
  | { readonly kind: 'add-learner'; readonly member: RaftMember }
  | { readonly kind: 'promote'; readonly id: NodeId }
  | { readonly kind: 'remove'; readonly member: RaftMember };

export type Input =
  | { readonly kind: 'tick' }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'persisted'; readonly token: number; readonly lastIndex: number; readonly lastTerm: number }
  | { readonly kind: 'propose'; readonly data: readonly string[] }
  | { readonly kind: 'change'; readonly change: ConfigurationChange }
  /** `patient`: joins the next round or heartbeat instead of starting a round of its own. */
  | { readonly kind: 'read'; readonly id: number; readonly patient?: boolean }
  | { readonly kind: 'transfer'; readonly to: NodeId }
  /** The state machine wrote itself at `index`; the snapshot file is durable. */
  | { readonly kind: 'snapshotted'; readonly index: number; readonly parts: readonly string[] }
  /** The disk is full, or has room again. What is queued for it is written before it is said to have room. */
  | { readonly kind: 'disk'; readonly writable: boolean }
  | { readonly kind: 'timings'; readonly heartbeatMs: number; readonly electionMs: number };

export type Refusal =
  | 'not-leader'
  | 'not-ready'
  | 'transferring'
  | 'disk-full'
  | 'too-many-uncommitted'
  | 'too-many-reads'
  | 'change-in-progress'
  | 'unknown-member'
  | 'already-member'
  | 'too-many-voters'
  | 'not-caught-up'
  | 'last-voter'
  | 'leader-removes-itself'
  | 'not-a-voter';

// ---------------------------------------------------------------- effects
export type Persist = {
  readonly kind: 'persist';
  readonly token: number;
  readonly hardState: HardState | null;
  /** Appended in order; an entry at or below the stored last index cuts the stored log there first. */
  readonly entries: readonly Entry[];
  /** Install this snapshot: whatever the log held is gone. */
  readonly snapshot: Snapshot | null;
  /** Rewrite the log with exactly these entries (compaction). */
  readonly rewrite: readonly Entry[] | null;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** May leave only after all of the above and of every earlier persist effect is fsynced. */
  readonly messages: readonly Message[];
};

export type Effect =
  | Persist
  | { readonly kind: 'send'; readonly messages: readonly Message[] }
  | { readonly kind: 'apply'; readonly entries: readonly Entry[] }
  | { readonly kind: 'restore'; readonly snapshot: Snapshot }
  | { readonly kind: 'proposed'; readonly firstIndex: number; readonly count: number; readonly term: number }
  | { readonly kind: 'refused'; readonly what: 'propose' | 'change' | 'transfer'; readonly reason: Refusal }
  | { readonly kind: 'read-ready'; readonly id: number; readonly index: number }
  | { readonly kind: 'read-refused'; readonly id: number; readonly reason: Refusal }
  | { readonly kind: 'role'; readonly role: Role; readonly term: number; readonly leader: RaftMember | null }
  /** This node must not take part any more: its directory was emptied. */
  | { readonly kind: 'fatal'; readonly reason: 'directory-emptied' };

export type StepResult = { readonly state: RaftState; readonly effects: readonly Effect[] };

export function memberKey(member: RaftMember): MemberKey {
  return `${member.id}@${member.incarnation}`;
}
