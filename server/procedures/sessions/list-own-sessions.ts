/** Where the caller is signed in. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { presentConsoleSession } from './present';
import { consoleSession } from './wire';

export const listOwnSessions = query({
  name: 'sessions.listOwn',
  summary: 'Where I am signed in',
  rest: { method: 'GET', path: '/auth/sessions' },
  graphql: { field: 'mySessions' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ ...pageInput }),
  output: pageOf(consoleSession),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const { identity, sessions, uses } = context;
    const [own, used] =
      identity.kind === 'user' ? await Promise.all([sessions.list(identity.id), uses.ofSessions()]) : [[], new Map()];
    const items = own.map((one) => presentConsoleSession(one, used.get(one.id), identity));
    return paginate(items, input, {
      list: 'sessions.listOwn',
      key: (one) => [one.created_at, one.id],
      direction: -1,
    });
  },
});
