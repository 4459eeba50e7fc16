/** Cancels the running statement of a session, or ends the session. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { requesterOf } from '../shared/identity';
import { done, nodeIdArgument } from '../shared/primitives';

export const endSession = mutation({
  name: 'cluster.endSession',
  summary: 'Cancel or terminate a session',
  rest: { method: 'DELETE', path: '/cluster/nodes/{id}/sessions/{pid}' },
  graphql: { field: 'endNodeSession' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    id: nodeIdArgument,
    pid: z.int().min(1).max(2_147_483_647).meta({ description: 'Process id of the session' }),
    mode: z.enum(['cancel', 'terminate']).default('terminate').meta({ description: 'cancel ends the statement only' }),
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: done,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1', pid: 12_345, mode: 'cancel' },
  local: true,
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    const { ended, reasons } = await context.engine.node(input.id, 'node.session.end', {
      pid: input.pid,
      mode: input.mode,
      requester: requesterOf(context, input.reason),
    });
    if (!ended && reasons.length > 0)
      throw new ClusterError('CONFLICT', `Session ${input.pid} was not ended`, { reasons });
    if (!ended) throw new ClusterError('NOT_FOUND', `No session ${input.pid} on ${input.id}`);
    const what = input.mode === 'cancel' ? 'was asked to cancel its statement' : 'was ended';
    // It may have been ended otherwise than asked, and says why.
    const why = reasons.map((one) => ` ${one.remedy}`).join('');
    return { success: true, message: `Session ${input.pid} on ${input.id} ${what}.${why}` };
  },
});
