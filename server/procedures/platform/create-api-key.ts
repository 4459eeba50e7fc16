/** Creates an API key; the secret is in this answer and nowhere else. */
import { z } from 'zod';
import { mutation } from '../definition';
import { actorOf } from '../identity';
import { presentApiKey } from '../present/identity';
import { createdApiKey, role } from '../schemas/identity';

export const createApiKey = mutation({
  name: 'apiKeys.create',
  summary: 'Create an API key; the secret is shown once',
  rest: { method: 'POST', path: '/api-keys', status: 201 },
  graphql: { field: 'createApiKey', style: 'input' },
  role: 'admin',
  rate: 'write',
  input: z
    .strictObject({
      name: z.string().min(1).max(100).meta({ description: 'What it is for' }),
      role,
      expires_at: z.iso.datetime({ offset: true }).optional().meta({ description: 'ISO 8601; default: never' }),
    })
    .meta({ id: 'CreateApiKeyInput', description: 'A new API key' }),
  output: createdApiKey,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'UNAVAILABLE'],
  example: { name: 'nightly report', role: 'viewer' },
  async handler({ input, context }) {
    const { record, secret } = await context.accounts.createApiKey({
      name: input.name,
      role: input.role,
      expiresAt: input.expires_at ?? null,
      by: actorOf(context.identity),
    });
    return { ...presentApiKey(record), secret };
  },
});
