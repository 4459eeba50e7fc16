/** Questions that agents ask each other outside any operation; answers are facts of the moment, checked again before they are acted on. */
import type { StandbyParameters } from '../cluster/core/standby-parameters';
import type { Epoch, GroupName, NodeId } from '../kernel/ids';
import type { LsnText } from '../kernel/lsn';

/** What a returning member must know of the primary before it follows, compares or copies. */
export type PrimaryFacts = {
  readonly node: NodeId;
  readonly group: GroupName;
  readonly epoch: Epoch;
  /** Holds the lease of `epoch` right now and is out of recovery. */
  readonly healthy: boolean;
  readonly timeline: number;
  readonly history: readonly { readonly timeline: number; readonly forkLsn: LsnText }[];
  readonly systemIdentifier: string;
  readonly currentLsn: LsnText;
  /** Databases and WAL together: what a copy needs. */
  readonly dataBytes: number;
  /** What each streaming member has replayed: how far a standby may advance the slots it keeps for the others. */
  readonly replayed: Readonly<Record<NodeId, LsnText>>;
  /** What it runs with; a standby starts with at least that. Absent: not told. */
  readonly parameters?: StandbyParameters | null;
  /** It knows members by their tagged names too; absent: an earlier release, by their own names only. */
  readonly knowsTags?: boolean;
  /** Names of its failover slots; absent: not told. */
  readonly failoverSlots?: readonly string[];
};

export const primaryFactsMethod = 'agent.primaryFacts';

/** A member that promised an epoch which never came asks its primary to take that epoch itself. */
export type TakeEpoch = { readonly group: GroupName; readonly epoch: Epoch };
export const takeEpochMethod = 'agent.takeEpoch';

/** What a primary sees of the members of its group; an agent that does not know the question refuses it. */
export const membersSeenMethod = 'agent.membersSeen';

/** Said by a new primary to its members: PostgreSQL serves, they may follow it. Only saves them the wait for their next look. */
export const servingMessage = 'agent.serving';

/** A standby to its primary, at each look while it lasts: its replay stands for want of parameters. One that does not know the word keeps counting it. */
export const replayStandsMessage = 'agent.replay-stands';
