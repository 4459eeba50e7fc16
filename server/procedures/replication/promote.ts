/** Promotes a replica: a failover with a target. */
import { z } from 'zod';
import { mutation } from '../definition';
import { failoverRequest } from '../shared/failover-request';
import { findNode } from '../shared/find';
import { runOperation } from '../shared/operate';
import { guardInput, nodeId } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const promote = mutation({
  name: 'replication.promote',
  summary: 'Promote a replica',
  rest: { method: 'POST', path: '/replication/promote' },
  graphql: { field: 'promoteReplica', style: 'input' },
  role: 'operator',
  rate: 'write',
  adminKeys: ['force', 'allow_data_loss', 'allow_slot_loss'],
  input: z
    .strictObject({
      node: nodeId.meta({ description: 'The replica to promote' }),
      force: z.boolean().optional().meta({ description: 'Admin only' }),
      allow_data_loss: z.boolean().optional().meta({ description: 'Admin only; logged with the bytes' }),
      allow_slot_loss: z.boolean().optional().meta({
        description:
          'Admin only: switch over although the replica has no ready copy of a failover slot, whose consumer starts over',
      }),
      drain_ms: z.int().min(0).max(600_000).optional().meta({ description: 'Sessions get this long to end' }),
      ...guardInput,
    })
    .meta({ id: 'PromoteInput', description: 'Which replica to promote, and on what terms' }),
  output: operation,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { node: 'node-2', dry_run: true },
  handler({ input, context }) {
    const { view } = context.engine.current();
    const { node, ...rest } = input;
    const group = findNode(view, node).record.group;
    return runOperation(context, input, failoverRequest(view, { ...rest, group, target_node: node }));
  },
});
