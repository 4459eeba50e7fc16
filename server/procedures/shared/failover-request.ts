/** The wire's failover request in the engine's words, with the defaults that DBAs expect. */
import type { z } from 'zod';
import type { ClusterView } from '@/engine/cluster/model';
import type { OperationRequest } from '@/engine/operations/model';
import type { failoverInput } from '../cluster/wire-failover';
import { findGroup, findNode } from './find';

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
