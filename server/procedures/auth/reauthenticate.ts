/** Proves anew that the person at the browser owns the account; force paths ask for it. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { done } from '../shared/primitives';

export const reauthenticate = mutation({
  name: 'auth.reauthenticate',
  summary: 'Give my password again, for what uses force',
  rest: { method: 'POST', path: '/auth/reauthenticate' },
  graphql: { field: 'reauthenticate', style: 'input' },
  role: 'viewer',
  rate: 'login',
  secretKeys: ['password'],
  input: z
    .strictObject({ password: z.string().min(1).max(200).meta({ description: 'My password' }) })
    .meta({ id: 'ReauthenticateInput', description: 'My password' }),
  output: done,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'RATE_LIMITED', 'UNAVAILABLE'],
  example: { password: 'correct horse battery' },
  async handler({ input, context }) {
    const { identity, sessions, clientAddress } = context;
    if (identity.kind !== 'user') throw new ClusterError('FORBIDDEN', 'An API key has no password');
    const { id: userId, sessionId } = identity;
    await sessions.reauthenticate({ userId, sessionId, password: input.password, clientAddress, field: 'password' });
    return { success: true, message: 'Thank you; go on' };
  },
});
