/** The one event envelope of every stream. */
import { z } from 'zod';
import { operation } from './operation';
import { jsonObject, unixSeconds } from './primitives';
import { clusterTopology } from './topology';

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

export const clusterLive = z
  .object({
    topology: clusterTopology,
    operations: z.array(operation).meta({ description: 'Running and recent operations' }),
  })
  .meta({ id: 'ClusterLive', description: 'The live view: topology and operations, sent whole at each change' });
