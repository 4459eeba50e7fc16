/** Ends the caller's session. */
import { z } from 'zod';
import { mutation } from '../definition';
import { done } from '../shared/primitives';

export const logout = mutation({
  name: 'auth.logout',
  summary: 'Sign out',
  rest: { method: 'POST', path: '/auth/logout' },
  graphql: { field: 'logout' },
  role: 'viewer',
  rate: 'write',
  local: true,
  input: z.strictObject({}),
  output: done,
  errors: ['UNAUTHORIZED'],
  example: {},
  async handler({ context }) {
    if (context.identity.kind === 'user') {
      const { cookie } = await context.sessions.signOut(context.identity.sessionId);
      context.setCookie?.(cookie);
    }
    return { success: true, message: 'Signed out' };
  },
});
