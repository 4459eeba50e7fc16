/** Everybody's sign-ins. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { presentConsoleSession } from './present';
import { consoleSession } from './wire';

export const listSessions = query({
  name: 'sessions.list',
  summary: 'Who is signed in, where and since when',
  rest: { method: 'GET', path: '/sessions' },
  graphql: { field: 'consoleSessions' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    user_id: z.string().min(1).max(64).optional().meta({ description: 'Only of this user' }),
  }),
  output: pageOf(consoleSession),
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const { identity, sessions, uses } = context;
    const [found, used] = await Promise.all([sessions.list(input.user_id ?? null), uses.ofSessions()]);
    const items = found.map((one) => presentConsoleSession(one, used.get(one.id), identity));
    return paginate(items, input, { list: 'sessions.list', key: (one) => [one.created_at, one.id], direction: -1 });
  },
});
