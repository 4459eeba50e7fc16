/**
 * What planning and analysis look at: one consistent copy of the records, the last reports with their ages, leases and the store's state.
 * Plain data: the controller makes it, pure functions read it, tests write it by hand. Invariant: nothing in here changes afterwards.
 */
import type { ClusterConfig, GroupRecord, NodeRecord, NodeReport, RaftView } from '../../cluster/model';
import type { GroupName, NodeId, OperationId } from '../../kernel/ids';
import type { Operation } from '../model';

export type NodeSnapshot = {
  readonly record: NodeRecord;
  readonly report: NodeReport | null;
  /** Leader's clock; null: never heard since this leader began. */
  readonly reportAgeMs: number | null;
  /** Age of its last report that said it serves as primary; absent or null: none was heard. */
  readonly servedAgeMs?: number | null;
  /** Why its agent stopped for good, as its launcher tells; absent or null: not known to have. */
  readonly stoppedFor?: string | null;
};

export type GroupSnapshot = {
  readonly record: GroupRecord;
  /** Store revision of the record, for compare-and-swap. */
  readonly modRevision: number;
  /** ≤ 0: grantable. Null: this process does not lead the store. */
  readonly leaseRemainingMs: number | null;
  readonly members: readonly NodeSnapshot[];
};

/** A past change of primary: what the write pause really was. */
export type PauseSample = {
  readonly operation: OperationId;
  readonly group: GroupName;
  readonly kind: 'failover' | 'switchover';
  readonly ms: number;
  readonly at: string;
};

export type ClusterSnapshot = {
  /** Wall clock, ms; for sentences and ages only. */
  readonly atMs: number;
  readonly self: NodeId;
  readonly config: ClusterConfig;
  readonly raft: RaftView;
  readonly nodes: ReadonlyMap<NodeId, NodeSnapshot>;
  readonly groups: ReadonlyMap<GroupName, GroupSnapshot>;
  /** Unfinished ones. */
  readonly operations: readonly Operation[];
  readonly pauses: readonly PauseSample[];
};

/** Quiet nodes report once a second: one lost report must not make a node look dead. */
const reportsMayBeThisOldMs = 2_500;

export function isFresh(node: NodeSnapshot, leaseMs: number): boolean {
  return (
    node.report !== null && node.reportAgeMs !== null && node.reportAgeMs <= Math.max(leaseMs, reportsMayBeThisOldMs)
  );
}

export function primaryOf(group: GroupSnapshot): NodeSnapshot | null {
  return group.members.find((member) => member.record.id === group.record.primary) ?? null;
}

export function standbysOf(group: GroupSnapshot): readonly NodeSnapshot[] {
  return group.members.filter((member) => member.record.id !== group.record.primary);
}

export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
