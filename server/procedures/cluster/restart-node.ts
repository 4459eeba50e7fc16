/** Restarts a node's PostgreSQL. A primary switches over first. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { runOperation } from '../shared/operate';
import { guardInput, nodeIdArgument } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const restartNode = mutation({
  name: 'cluster.restartNode',
  summary: 'Restart a node',
  rest: { method: 'POST', path: '/cluster/nodes/{id}/restart' },
  graphql: { field: 'restartClusterNode' },
  role: 'operator',
  rate: 'write',
  adminKeys: ['force'],
  input: z.strictObject({
    id: nodeIdArgument,
    force: z.boolean().optional().meta({ description: 'Admin only: restart a primary without a switchover' }),
    ...guardInput,
  }),
  output: operation,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { id: 'node-3', dry_run: true },
  handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return runOperation(context, input, { kind: 'restart-node', node: input.id, force: input.force });
  },
});
