/** Changes the caller's own password; all other sessions end. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { done } from '../shared/primitives';
import { password } from '../shared/wire-account';

export const changePassword = mutation({
  name: 'auth.changePassword',
  summary: 'Change my password; my other sessions end',
  rest: { method: 'POST', path: '/auth/password' },
  graphql: { field: 'changePassword', style: 'input' },
  role: 'viewer',
  rate: 'login',
  secretKeys: ['current_password', 'new_password'],
  input: z
    .strictObject({ current_password: z.string().min(1).max(200), new_password: password })
    .meta({ id: 'ChangePasswordInput', description: 'Old and new password' }),
  output: done,
  errors: ['INVALID_INPUT', 'UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED', 'UNAVAILABLE'],
  example: { current_password: 'correct horse battery', new_password: 'staple battery horse' },
  async handler({ input, context }) {
    if (context.identity.kind !== 'user') throw new ClusterError('FORBIDDEN', 'An API key has no password');
    const { identity, accounts, sessions, clientAddress, userAgent = null } = context;
    const { id: userId, sessionId } = identity;
    // Guessed here it counts as at the door.
    await sessions.reauthenticate({
      userId,
      sessionId,
      password: input.current_password,
      clientAddress,
      field: 'current_password',
    });
    const user = await accounts.updateUser(userId, { password: input.new_password });
    context.setCookie?.((await sessions.renew(user, { clientAddress, userAgent })).cookie);
    return { success: true, message: 'Password changed; your other sessions have ended' };
  },
});
