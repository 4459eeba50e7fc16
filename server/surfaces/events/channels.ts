/** RustyDB's event sockets: what each carries and how a client narrows it. Pure. */
import { z } from 'zod';
import type { EngineEvent } from '@/engine/monitoring/model';
import { matches, subjectsOf } from '@/server/procedures/shared/event-stream';
import { eventType } from '@/server/procedures/shared/wire-event';

const lastEventId = z.string().max(100).optional();
const severity = z.enum(['info', 'warning', 'error', 'critical']).optional();
const names = z.array(z.string().max(64)).max(200).optional();
const types = z.array(eventType).max(200).optional();

export const replicationFilter = z.strictObject({
  replica_ids: names,
  event_types: types,
  groups: names,
  min_severity: severity,
  include_lag_alerts: z.boolean().optional(),
  include_status_changes: z.boolean().optional(),
  include_conflicts: z.boolean().optional(),
  last_event_id: lastEventId,
});

export const nodesFilter = z.strictObject({
  node_ids: names,
  groups: names,
  event_types: types,
  min_severity: severity,
  include_health_changes: z.boolean().optional(),
  include_failover_events: z.boolean().optional(),
  include_leader_elections: z.boolean().optional(),
  include_migrations: z.boolean().optional(),
  last_event_id: lastEventId,
});

export type Matcher = (event: EngineEvent) => boolean;

export type Channel = {
  readonly path: string;
  readonly message: string;
  readonly availableEvents: readonly string[];
  readonly filter: typeof replicationFilter | typeof nodesFilter;
  matcher(filter: unknown): Matcher;
};

/** What the engine really tells; more than that would be a promise. */
const replicationEvents = [
  'replication_lag_alert',
  'replica_status_change',
  'replication_error',
  'wal_position_update',
  'slot_created',
  'slot_dropped',
  'slot_active',
  'slot_inactive',
  'slot_wal_status',
] as const;

const nodeEvents = [
  'node_joined',
  'node_left',
  'node_health_change',
  'failover_initiated',
  'failover_completed',
  'failover_failed',
  'leader_elected',
  'leader_stepped_down',
  'quorum_lost',
  'quorum_restored',
  'operation_scheduled',
  'operation_started',
  'operation_step',
  'operation_completed',
  'operation_failed',
  'operation_cancelled',
] as const;

/** What all channels share with the event stream. */
function common({ event_types, min_severity, groups }: z.output<typeof nodesFilter | typeof replicationFilter>) {
  return { event_types, min_severity, groups };
}

function matchReplication(filter: z.output<typeof replicationFilter>): Matcher {
  return (event) => {
    if (event.category !== 'replication') return false;
    if (!matches(event, common(filter))) return false;
    if (filter.include_lag_alerts === false && event.eventType === 'replication_lag_alert') return false;
    if (filter.include_status_changes === false && event.eventType === 'replica_status_change') return false;
    if (filter.include_conflicts === false && event.eventType.startsWith('conflict_')) return false;
    return !filter.replica_ids || subjectsOf(event).some((one) => filter.replica_ids!.includes(one));
  };
}

function matchNodes(filter: z.output<typeof nodesFilter>): Matcher {
  return (event) => {
    if (event.category !== 'clustering' && event.category !== 'operation') return false;
    const type = event.eventType;
    if (!matches(event, { ...common(filter), node_ids: filter.node_ids })) return false;
    if (filter.include_health_changes === false && type === 'node_health_change') return false;
    if (filter.include_failover_events === false && type.startsWith('failover_')) return false;
    if (filter.include_leader_elections === false && type.startsWith('leader_')) return false;
    return filter.include_migrations !== false || !type.startsWith('migration_');
  };
}

const replication = {
  message: 'Replication events; send a filter object to narrow them',
  availableEvents: replicationEvents,
  filter: replicationFilter,
  matcher: (filter: unknown) => matchReplication(filter as z.output<typeof replicationFilter>),
} as const;

export const channels: readonly Channel[] = [
  { path: '/api/v1/ws/replication', ...replication },
  { path: '/api/v1/ws/cluster/replication', ...replication },
  {
    path: '/api/v1/ws/cluster/nodes',
    message: 'Cluster events; send a filter object to narrow them',
    availableEvents: nodeEvents,
    filter: nodesFilter,
    matcher: (filter) => matchNodes(filter as z.output<typeof nodesFilter>),
  },
];
