/** A failover as clients ask for it, and the same in the engine's words, with the defaults that DBAs expect. */
import { z } from 'zod';
import type { ClusterView } from '@/engine/cluster/model';
import type { OperationRequest } from '@/engine/operations/model';
import { findGroup, findNode } from './find';
import { groupName, guardInput, nodeId } from './primitives';

export const failoverInput = z
  .strictObject({
    group: groupName.optional().meta({ description: 'Default: the first group' }),
    target_node: nodeId.optional().meta({ description: 'Default: the best candidate' }),
    mode: z
      .enum(['switchover', 'failover'])
      .optional()
      .meta({ description: 'Default: switchover while the primary lives' }),
    force: z.boolean().optional().meta({ description: 'Admin only' }),
    allow_data_loss: z.boolean().optional().meta({ description: 'Admin only; logged with the bytes' }),
    allow_slot_loss: z.boolean().optional().meta({
      description:
        'Admin only: switch over although the new primary has no ready copy of a failover slot, whose consumer starts over',
    }),
    deadline_ms: z.int().min(100).max(3_600_000).optional().meta({
      description:
        'The point of no return must be reached within this time from the start, or everything is undone and the operation ends with TIMEOUT',
    }),
    drain_ms: z.int().min(0).max(600_000).optional().meta({ description: 'Sessions get this long to end' }),
    scheduled_at: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'ISO 8601, not past; runs then, planned again' }),
    ...guardInput,
  })
  .meta({ id: 'FailoverInput', description: 'Manual failover or switchover' });

export type FailoverRequest = Extract<OperationRequest, { kind: 'failover' }>;

export function failoverRequest(view: ClusterView, input: z.output<typeof failoverInput>): FailoverRequest {
  const target = input.target_node === undefined ? undefined : findNode(view, input.target_node);
  const group = findGroup(view, input.group ?? target?.record.group);
  return {
    kind: 'failover',
    group: group.record.name,
    // While the primary serves, the gentle way; otherwise there is nothing to be gentle with.
    mode: input.mode ?? (group.writable ? 'switchover' : 'failover'),
    target: target?.record.id,
    force: input.force,
    allowDataLoss: input.allow_data_loss,
    allowSlotLoss: input.allow_slot_loss,
    drainMs: input.drain_ms,
    deadlineMs: input.deadline_ms,
    scheduledAt: input.scheduled_at === undefined ? undefined : new Date(input.scheduled_at).toISOString(),
  };
}
