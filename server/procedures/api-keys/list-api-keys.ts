/** API keys, never their secret. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { presentApiKey } from './present';
import { apiKey } from './wire';

export const listApiKeys = query({
  name: 'apiKeys.list',
  summary: 'API keys (never their secret)',
  rest: { method: 'GET', path: '/api-keys' },
  graphql: { field: 'apiKeys' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({ ...pageInput }),
  output: pageOf(apiKey),
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const { accounts, uses } = context;
    const [found, standings, used] = await Promise.all([accounts.apiKeys(), accounts.keyStandings(), uses.ofKeys()]);
    const all = found.map((one) => presentApiKey(one, standings.get(one.id), used.get(one.id)));
    return paginate(all, input, { list: 'apiKeys.list', key: (one) => [one.name, one.id], direction: 1 });
  },
});
