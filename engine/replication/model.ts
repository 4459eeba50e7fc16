/** Replication slots as PostgreSQL shows them (pg_replication_slots), and what a change of one is. Plain data, the same on agent, controller and console. */
import type { GroupName, NodeId } from '../kernel/ids';
import type { LsnText } from '../kernel/lsn';

export type SlotType = 'physical' | 'logical';

export type SlotInfo = {
  readonly name: string;
  readonly type: SlotType;
  readonly plugin: string | null;
  readonly database: string | null;
  readonly temporary: boolean;
  readonly active: boolean;
  readonly activePid: number | null;
  readonly restartLsn: LsnText | null;
  readonly confirmedFlushLsn: LsnText | null;
  /** reserved, extended, unreserved, lost; null: it keeps no WAL yet. */
  readonly walStatus: string | null;
  /** What may still be written before its WAL is in danger; null: no limit, or lost already. */
  readonly safeWalBytes: number | null;
  readonly retainedBytes: number | null;
  readonly catalogXmin: number | null;
  readonly inactiveSince: string | null;
  readonly invalidationReason: string | null;
  /** Standbys copy it (sync_replication_slots). */
  readonly failover: boolean;
  /** Is such a copy. */
  readonly synced: boolean;
  readonly twoPhase: boolean;
};

/** What a node's report tells of a slot, every few seconds. */
export type SlotReport = Pick<
  SlotInfo,
  'name' | 'active' | 'synced' | 'walStatus' | 'retainedBytes' | 'invalidationReason'
> & {
  /** Absent: an older agent, which does not tell. */
  readonly failover?: boolean;
};

/** The slots of one server, and what bounds them. */
export type NodeSlots = {
  readonly slots: readonly SlotInfo[];
  readonly inRecovery: boolean;
  readonly walLevel: string;
  /** max_replication_slots. */
  readonly slotLimit: number;
  /** max_slot_wal_keep_size; null: none. */
  readonly walKeepBytes: number | null;
  /** Databases that take connections. */
  readonly databases: readonly string[];
};

/** A slot that somebody asks for. */
export type SlotSpec = {
  readonly name: string;
  readonly type: SlotType;
  readonly plugin: string | null;
  readonly database: string | null;
  readonly failover: boolean;
  readonly twoPhase: boolean;
};

export type SlotChangeKind = 'created' | 'dropped' | 'active' | 'inactive' | 'wal_status';

/** `slot`: as it is now; of one that was dropped: as it was last seen. */
export type SlotChange = { readonly kind: SlotChangeKind; readonly slot: SlotInfo; readonly at: string };

/** Agent → controller. Sent again until it is answered; `life` names the agent process. */
export type SlotNotice = {
  readonly node: NodeId;
  readonly group: GroupName;
  readonly life: string;
  readonly changes: readonly SlotChange[];
};

/** Unlogged tables of one database of a primary. Rows are counted by statistics or estimated; bytes null: somebody's lock kept them from being read. */
export type UnloggedTables = {
  readonly database: string;
  readonly tables: number;
  readonly rows: number;
  readonly bytes: number | null;
};
