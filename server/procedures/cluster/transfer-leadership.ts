/** Hands the control store's leadership to another voter. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { nodeId } from '../shared/primitives';
import { leadership } from './wire-raft';

export const transferLeadership = mutation({
  name: 'cluster.transferLeadership',
  summary: 'Hand the leadership to another peer',
  rest: { method: 'POST', path: '/cluster/raft/transfer-leadership' },
  graphql: { field: 'transferRaftLeadership' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    target_node: nodeId.meta({ description: 'A voter' }),
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: leadership,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { target_node: 'node-2' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.target_node);
    const { leader, term } = await context.engine.leader('raft.transfer', { to: input.target_node }, 15_000);
    return { leader, term, message: `${leader} leads the control store in term ${term}` };
  },
});
