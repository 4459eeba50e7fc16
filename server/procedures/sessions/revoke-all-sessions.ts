/** Ends all sessions of the caller but this one, or (admin) all of somebody. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { requireRole } from '@/server/auth/authorise';
import { mutation } from '../definition';
import { done } from '../shared/primitives';

export const revokeAllSessions = mutation({
  name: 'sessions.revokeAll',
  summary: 'End all my other sessions, or (admin) all sessions of a user',
  rest: { method: 'POST', path: '/sessions/revoke-all' },
  graphql: { field: 'revokeAllSessions' },
  role: 'viewer',
  rate: 'write',
  input: z.strictObject({
    user_id: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'Admin only: whose; default: mine but this one' }),
  }),
  output: done,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { user_id: 'maria' },
  async handler({ input, context }) {
    const { identity, sessions, accounts } = context;
    const own = identity.kind === 'user' && (input.user_id === undefined || input.user_id === identity.id);
    if (own) {
      const count = await sessions.endAll(identity.id, identity.sessionId);
      return { success: true, message: `${count} other ${count === 1 ? 'session' : 'sessions'} ended` };
    }
    requireRole(identity, 'admin', 'ending the sessions of somebody else');
    if (input.user_id === undefined)
      throw new ClusterError('INVALID_INPUT', 'user_id: an API key has no sessions; name a user');
    if ((await accounts.user(input.user_id)) === null) throw new ClusterError('NOT_FOUND', `No user ${input.user_id}`);
    const count = await sessions.endAll(input.user_id, null);
    return { success: true, message: `${count} ${count === 1 ? 'session' : 'sessions'} of ${input.user_id} ended` };
  },
});
