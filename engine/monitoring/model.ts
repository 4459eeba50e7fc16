/** Events and metric samples: high-volume records that never go through the control store. */
import type { NodeId } from '../kernel/ids';

export type EventCategory =
  | 'replication'
  | 'clustering'
  | 'rac'
  | 'sharding'
  | 'operation'
  | 'xa'
  | 'gds'
  | 'alert'
  | 'audit';
export type EventSeverity = 'info' | 'warning' | 'error' | 'critical';

/** The one event envelope of the engine; the server only renames to snake_case. */
export type EngineEvent = {
  /** Total order per console: `<leader term>-<sequence>` zero-padded so that it sorts as text; a fleeting one has that of the last kept one and `.<number>`. */
  readonly eventId: string;
  readonly category: EventCategory;
  readonly eventType: string;
  readonly severity: EventSeverity;
  /** `node:x`, `replica:x`, `cluster:failover`, `cluster:raft`. */
  readonly source: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** ISO 8601 with ms. */
  readonly timestamp: string;
  /** Told to who listens at that moment and kept nowhere: so frequent that the buffers would hold nothing else. Absent: kept. */
  readonly fleeting?: true;
};

/** One sample of a node's resources; kept as a ring of the last hour at 5 s on the node. */
export type ResourceSample = {
  readonly at: string;
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly diskUsedBytes: number;
  readonly diskTotalBytes: number;
  readonly transactionsPerSecond: number;
  readonly connections: number;
  readonly walBytesPerSecond: number;
  readonly replayLagMs: number | null;
  readonly lagBytes: number | null;
};

export type HealthTransition = {
  /** `<leader term>-<number>`, zero-padded: one change of health is kept on many nodes. */
  readonly id: string;
  readonly at: string;
  readonly node: NodeId | null;
  readonly group: string | null;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
};

export type HealthQuery = {
  readonly limit: number;
  /** Nothing younger than this time (ISO); absent or null: from the newest on. */
  readonly before?: string | null;
};

/** Changes of health in one answer, at most. */
export const mostListed = 2_000;

/** By time, then as the leader numbered them. */
export function oldestFirst(a: HealthTransition, b: HealthTransition): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
