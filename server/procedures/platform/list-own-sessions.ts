/** Where the caller is signed in. */
import { z } from 'zod';
import { query } from '../definition';
import { presentConsoleSession } from '../present/identity';
import { consoleSession } from '../schemas/identity';

export const listOwnSessions = query({
  name: 'sessions.listOwn',
  summary: 'Where I am signed in',
  rest: { method: 'GET', path: '/auth/sessions' },
  graphql: { field: 'mySessions' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({}),
  output: z.array(consoleSession),
  errors: ['UNAVAILABLE'],
  example: {},
  async handler({ context }) {
    const { identity, sessions, uses } = context;
    if (identity.kind !== 'user') return [];
    const [own, used] = await Promise.all([sessions.list(identity.id), uses.ofSessions()]);
    return own
      .map((one) => presentConsoleSession(one, used.get(one.id), identity))
      .sort((a, b) => (a.last_used_at < b.last_used_at ? 1 : -1));
  },
});
