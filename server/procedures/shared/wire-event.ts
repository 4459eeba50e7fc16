/** The one event envelope of every stream. */
import { z } from 'zod';
import { jsonObject, unixSeconds } from './primitives';

export const eventCategory = z.enum([
  'replication',
  'clustering',
  'rac',
  'sharding',
  'operation',
  'xa',
  'gds',
  'alert',
  'audit',
]);

export const eventSeverity = z.enum(['info', 'warning', 'error', 'critical']);

/**
 * Every type that a stream of RustyDB may carry, also those of older clients' filters that this engine never tells (it serves no shards and no
 * cache fusion): a filter may name them, anything else is a slip that would filter everything away.
 */
const eventTypes = [
  'replication_lag_alert',
  'replica_status_change',
  'replication_error',
  'wal_position_update',
  'slot_created',
  'slot_dropped',
  'slot_active',
  'slot_inactive',
  'slot_wal_status',
  'conflict_detected',
  'conflict_resolved',
  'node_joined',
  'node_left',
  'node_evicted',
  'node_health_change',
  'failover_initiated',
  'failover_completed',
  'failover_failed',
  'leader_elected',
  'leader_stepped_down',
  'quorum_lost',
  'quorum_restored',
  'postgres_exited',
  'problem_begun',
  'problem_ended',
  'operation_scheduled',
  'operation_started',
  'operation_step',
  'operation_completed',
  'operation_failed',
  'operation_cancelled',
  'migration_started',
  'migration_progress',
  'migration_completed',
  'migration_failed',
  'block_transfer',
  'block_request',
  'block_grant',
  'lock_granted',
  'lock_released',
  'lock_converted',
  'lock_blocked',
  'remaster_started',
  'remaster_completed',
  'recovery_started',
  'recovery_progress',
  'recovery_completed',
  'query_started',
  'query_progress',
  'query_completed',
  'shard_added',
  'shard_removed',
  'shard_status_change',
  'rebalance_started',
  'rebalance_progress',
  'rebalance_completed',
  'audit_recorded',
  'gap',
] as const;

export const eventType = z.enum(eventTypes, {
  error: ({ input }) =>
    `${JSON.stringify(input)?.slice(0, 80)} is no type of event; known are ${eventTypes.join(', ')}`,
});

export const clusterEvent = z
  .object({
    category: eventCategory,
    event_type: z.string(),
    payload: jsonObject,
    severity: eventSeverity,
    source: z.string().meta({ description: 'node:x, replica:x, cluster:failover, cluster:raft …' }),
    timestamp: unixSeconds,
    event_id: z.string(),
    from: z.string().optional().meta({ description: 'Gap only: last event before it' }),
    to: z.string().optional().meta({ description: 'Gap only: first event after it' }),
  })
  .meta({ id: 'ClusterEvent', description: 'An event; event_type gap marks missed events' });
