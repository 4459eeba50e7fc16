/** The operator's preference among equally advanced candidates. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { isAdmin, requesterOf } from '../shared/identity';
import { untilSeen } from '../shared/own-write';
import { presentNode } from '../shared/present-node';
import { nodeIdArgument } from '../shared/primitives';
import { clusterNode } from '../shared/wire-node';

export const updateNode = mutation({
  name: 'cluster.updateNode',
  summary: 'Change the failover priority of a node',
  rest: { method: 'PUT', path: '/cluster/nodes/{id}' },
  graphql: { field: 'updateClusterNode' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    id: nodeIdArgument,
    priority: z.int().min(0).max(1000).meta({ description: 'Higher is preferred; 0 is never promoted automatically' }),
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: clusterNode,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { id: 'node-2', priority: 100 },
  async handler({ input, context }) {
    const current = context.engine.current();
    const node = findNode(current.view, input.id);
    const record = await context.engine.leader('node.put', {
      node: input.id,
      patch: { priority: input.priority },
      requester: requesterOf(context, input.reason),
    });
    await untilSeen(
      context,
      (view) => view.nodes.find((one) => one.record.id === record.id)?.record.priority === record.priority,
    );
    return presentNode(current, { ...node, record }, isAdmin(context.identity));
  },
});
