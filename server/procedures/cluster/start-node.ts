/** Starts a node that was stopped by hand. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { runOperation } from '../shared/operate';
import { guardInput, nodeIdArgument } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const startNode = mutation({
  name: 'cluster.startNode',
  summary: 'Start a stopped node',
  rest: { method: 'POST', path: '/cluster/nodes/{id}/start' },
  graphql: { field: 'startClusterNode' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({ id: nodeIdArgument, ...guardInput }),
  output: operation,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { id: 'node-3', dry_run: true },
  handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return runOperation(context, input, { kind: 'start-node', node: input.id });
  },
});
