/** Removes a node. A primary is refused; an admin may say force, and the cluster switches over first. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { localNode } from '../shared/local-node';
import { runOperation } from '../shared/operate';
import { guardInput, nodeIdArgument } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const removeNode = mutation({
  name: 'cluster.removeNode',
  summary: 'Remove a node',
  rest: { method: 'DELETE', path: '/cluster/nodes/{id}' },
  graphql: { field: 'removeClusterNode' },
  role: 'operator',
  rate: 'write',
  adminKeys: ['force'],
  // Its data goes with it.
  forcePath: () => true,
  input: z.strictObject({
    id: nodeIdArgument,
    force: z.boolean().optional().meta({ description: 'Admin only: a primary is switched over first' }),
    ...guardInput,
  }),
  output: operation,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-3', dry_run: true },
  legacy: { status: 204, output: null, present: () => null },
  async handler({ input, context }) {
    if (input.id === localNode) {
      throw new ClusterError('FORBIDDEN', 'The local node cannot be removed');
    }
    const node = findNode(context.engine.current().view, input.id);
    if (node.role === 'primary' && !input.force && !input.dry_run) {
      throw new ClusterError('FORBIDDEN', `${input.id} is the primary of ${node.record.group} and cannot be removed`, {
        reasons: [
          {
            rule: 'node-is-not-primary',
            measured: 'primary',
            limit: 'standby',
            remedy: 'Switch over first, or let an admin use force, which switches over and then removes the node',
            node: input.id,
          },
        ],
      });
    }
    return runOperation(context, input, { kind: 'remove-node', node: input.id, force: input.force });
  },
});
