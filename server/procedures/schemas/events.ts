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

const changedRow = jsonObject.meta({
  description: '`at`: index of the row in the list; the other keys: fields that changed',
});

export const livePatch = z
  .object({
    sequence: z.int().meta({ description: 'Counts the items of this subscription from 1' }),
    base: z.int().nullable().meta({ description: 'Sequence that it applies to; null with `whole`' }),
    whole: clusterLive.nullable().meta({ description: 'First item, and when nodes, groups or links came or went' }),
    nodes: z.array(changedRow),
    groups: z.array(changedRow),
    links: z.array(changedRow),
    rest: jsonObject.meta({ description: 'Other fields of the topology that changed' }),
    operations: z.array(operation).nullable().meta({ description: 'Null: as before' }),
  })
  .meta({ id: 'ClusterLivePatch', description: 'What changed in the live view since the item before' });
