/** Accounts and addresses that are locked, or on their way there. */
import { z } from 'zod';
import { query } from '../definition';
import { presentLockout } from '../present/access';
import { lockout } from '../schemas/access';

export const listLockouts = query({
  name: 'lockouts.list',
  summary: 'Failed sign-ins that are counted now, and what they locked',
  rest: { method: 'GET', path: '/auth/lockouts' },
  graphql: { field: 'lockouts' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({}),
  output: z.array(lockout),
  errors: ['FORBIDDEN', 'UNAVAILABLE'],
  example: {},
  async handler({ context }) {
    const found = await context.lockouts.list();
    return found.map((one) => presentLockout(one)).sort((a, b) => b.failures - a.failures);
  },
});
