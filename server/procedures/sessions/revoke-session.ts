/** Ends one session: the caller's own, or anybody's for an admin. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { isAdmin } from '../shared/identity';
import { done } from '../shared/primitives';

export const revokeSession = mutation({
  name: 'sessions.revoke',
  summary: 'End a session, mine or (admin) anybody’s; every console server refuses it from now on',
  rest: { method: 'DELETE', path: '/sessions/{id}' },
  graphql: { field: 'revokeSession' },
  role: 'viewer',
  rate: 'write',
  input: z.strictObject({ id: z.string().min(1).max(64).meta({ description: 'Session id', scalar: 'ID' }) }),
  output: done,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { id: '00000000-0000-4000-8000-000000000000' },
  async handler({ input, context }) {
    const { identity, sessions } = context;
    const own = identity.kind === 'user' ? await sessions.list(identity.id) : [];
    // Whose session another id is, is not told to who may not end it.
    if (!isAdmin(identity) && !own.some((one) => one.id === input.id)) {
      throw new ClusterError('NOT_FOUND', `No session ${input.id}`);
    }
    const ended = await sessions.end(input.id);
    return { success: true, message: `The session of ${ended.userId} has ended` };
  },
});
