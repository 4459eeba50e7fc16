/** Stops a node by hand; it stays stopped over restarts. A primary switches over first. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { runOperation } from '../shared/operate';
import { guardInput, nodeIdArgument } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const stopNode = mutation({
  name: 'cluster.stopNode',
  summary: 'Stop a node (fast, immediate)',
  rest: { method: 'POST', path: '/cluster/nodes/{id}/stop' },
  graphql: { field: 'stopClusterNode' },
  role: 'operator',
  rate: 'write',
  adminKeys: ['force'],
  input: z.strictObject({
    id: nodeIdArgument,
    mode: z
      .enum(['fast', 'immediate'])
      .default('fast')
      .meta({ description: 'immediate skips the shutdown checkpoint' }),
    force: z.boolean().optional().meta({ description: 'Admin only: stop a primary without a switchover' }),
    ...guardInput,
  }),
  output: operation,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { id: 'node-3', dry_run: true },
  handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return runOperation(context, input, { kind: 'stop-node', node: input.id, mode: input.mode, force: input.force });
  },
});
