/** Enters or leaves maintenance. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { runOperation } from '../shared/operate';
import { guardInput, nodeIdArgument } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const setMaintenance = mutation({
  name: 'cluster.setMaintenance',
  summary: 'Enter or leave maintenance',
  rest: { method: 'POST', path: '/cluster/nodes/{id}/maintenance' },
  graphql: { field: 'setNodeMaintenance' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    id: nodeIdArgument,
    enabled: z.boolean().meta({ description: 'True enters, false leaves' }),
    ...guardInput,
  }),
  output: operation,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { id: 'node-3', enabled: true, dry_run: true },
  handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return runOperation(context, input, { kind: 'maintenance', node: input.id, enabled: input.enabled });
  },
});
