/** One node. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { isAdmin } from '../shared/identity';
import { presentNode } from '../shared/present-node';
import { nodeIdArgument } from '../shared/primitives';
import { clusterNode } from '../shared/wire-node';

export const getNode = query({
  name: 'cluster.getNode',
  summary: 'One node',
  rest: { method: 'GET', path: '/cluster/nodes/{id}' },
  graphql: { field: 'clusterNode', nullable: true },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({ id: nodeIdArgument }),
  output: clusterNode,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  handler({ input, context }) {
    const current = context.engine.current();
    return presentNode(current, findNode(current.view, input.id), isAdmin(context.identity));
  },
});
