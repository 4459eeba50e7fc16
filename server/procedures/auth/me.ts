/** Who the caller is. */
import { z } from 'zod';
import { query } from '../definition';
import { presentIdentity } from './present';
import { whoami } from './wire';

export const me = query({
  name: 'auth.me',
  summary: 'Who I am',
  rest: { method: 'GET', path: '/auth/me', aliases: [{ method: 'GET', path: '/whoami' }] },
  graphql: { field: 'me' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: whoami,
  errors: ['UNAUTHORIZED'],
  example: {},
  handler: ({ context }) => presentIdentity(context.identity),
});
