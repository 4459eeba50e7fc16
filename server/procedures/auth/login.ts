/** Signs a person in; the session is a cookie that scripts cannot read. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { whoami } from './wire';

export const login = mutation({
  name: 'auth.login',
  summary: 'Sign in',
  rest: { method: 'POST', path: '/auth/login' },
  graphql: { field: 'login', style: 'input' },
  role: 'anonymous',
  rate: 'login',
  local: true,
  secretKeys: ['password'],
  input: z
    .strictObject({
      username: z.string().min(1).max(64).meta({ description: 'Sign-in name' }),
      password: z.string().min(1).max(200).meta({ description: 'Password' }),
    })
    .meta({ id: 'LoginInput', description: 'Who signs in' }),
  output: whoami,
  errors: ['INVALID_INPUT', 'UNAUTHORIZED', 'RATE_LIMITED', 'UNAVAILABLE'],
  example: { username: 'admin', password: 'correct horse battery' },
  async handler({ input, context }) {
    if (!context.setCookie)
      throw new ClusterError('INVALID_INPUT', 'Sign in over HTTP: a WebSocket cannot set a cookie');
    const { user, cookie, expiresAt } = await context.sessions.signIn({
      ...input,
      clientAddress: context.clientAddress,
      userAgent: context.userAgent ?? null,
    });
    context.setCookie(cookie);
    return {
      kind: 'user' as const,
      id: user.id,
      name: user.username,
      role: user.role,
      session_expires_at: expiresAt,
      groups: null,
    };
  },
});
