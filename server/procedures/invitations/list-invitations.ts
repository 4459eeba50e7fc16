/** Who was invited, and what became of it. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { presentInvitation } from './present';
import { invitation } from './wire';

export const listInvitations = query({
  name: 'invitations.list',
  summary: 'Invitations, open and past (never their token)',
  rest: { method: 'GET', path: '/invitations' },
  graphql: { field: 'invitations' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({ ...pageInput }),
  output: pageOf(invitation),
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const found = (await context.invitations.list()).map(presentInvitation);
    return paginate(found, input, { list: 'invitations.list', key: (one) => [one.created_at, one.id], direction: -1 });
  },
});
