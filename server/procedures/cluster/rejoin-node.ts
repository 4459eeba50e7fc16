/** Brings a failed primary back as a standby. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { runOperation } from '../shared/operate';
import { guardInput, nodeIdArgument } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const rejoinNode = mutation({
  name: 'cluster.rejoinNode',
  summary: 'Bring a failed primary back as a standby: fast path where its timeline allows, else re-clone',
  rest: { method: 'POST', path: '/cluster/nodes/{id}/rejoin' },
  graphql: { field: 'rejoinClusterNode' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    id: nodeIdArgument,
    reclone: z.boolean().optional().meta({ description: 'Do not try the fast path' }),
    ...guardInput,
  }),
  output: operation,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { id: 'node-3', dry_run: true },
  handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return runOperation(context, input, { kind: 'rejoin-node', node: input.id, reclone: input.reclone });
  },
});
