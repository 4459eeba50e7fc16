/** Revokes an API key at once. */
import { z } from 'zod';
import { mutation } from '../definition';
import { presentApiKey } from './present';
import { apiKey } from './wire';

export const revokeApiKey = mutation({
  name: 'apiKeys.revoke',
  summary: 'Revoke an API key',
  rest: { method: 'DELETE', path: '/api-keys/{id}' },
  graphql: { field: 'revokeApiKey' },
  role: 'admin',
  rate: 'write',
  input: z.strictObject({ id: z.string().min(1).max(64).meta({ description: 'Key id', scalar: 'ID' }) }),
  output: apiKey,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { id: '3f1c2a9be01d' },
  async handler({ input, context: { accounts } }) {
    const record = await accounts.revokeApiKey(input.id);
    return presentApiKey(record, (await accounts.keyStandings()).get(record.id));
  },
});
