/** Accounts and addresses that are locked, or on their way there. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { presentLockout } from './present';
import { lockout } from './wire';

export const listLockouts = query({
  name: 'lockouts.list',
  summary: 'Failed sign-ins that are counted now, and what they locked',
  rest: { method: 'GET', path: '/auth/lockouts' },
  graphql: { field: 'lockouts' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({ ...pageInput }),
  output: pageOf(lockout),
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const found = await context.lockouts.list();
    const lockouts = found.map((one) => presentLockout(one));
    // Not by failures: those go on while somebody reads.
    return paginate(lockouts, input, { list: 'lockouts.list', key: (one) => [one.id], direction: 1 });
  },
});
