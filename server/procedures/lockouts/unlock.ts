/** Forgets the failed sign-ins of an account or address, and so unlocks it. */
import { z } from 'zod';
import { mutation } from '../definition';
import { done } from '../shared/primitives';

export const unlock = mutation({
  name: 'lockouts.unlock',
  summary: 'Unlock an account or an address',
  rest: { method: 'DELETE', path: '/auth/lockouts/{id}' },
  graphql: { field: 'unlock' },
  role: 'admin',
  rate: 'write',
  input: z.strictObject({
    id: z.string().min(1).max(200).meta({ description: 'account:name or address:address', scalar: 'ID' }),
  }),
  output: done,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { id: 'account:maria' },
  async handler({ input, context }) {
    const { kind, subject } = await context.lockouts.unlock(input.id);
    return { success: true, message: `The ${kind} ${subject} may sign in again` };
  },
});
