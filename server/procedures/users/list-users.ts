/** Console users. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { presentUser } from '../shared/present-account';
import { pageInput, pageOf } from '../shared/primitives';
import { user } from '../shared/wire-account';

export const listUsers = query({
  name: 'users.list',
  summary: 'Console users',
  rest: { method: 'GET', path: '/users' },
  graphql: { field: 'users' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({ ...pageInput }),
  output: pageOf(user),
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const users = (await context.accounts.users()).map(presentUser);
    return paginate(users, input, { list: 'users.list', key: (one) => [one.username], direction: 1 });
  },
});
