/** Creates an API key; the secret is in this answer and nowhere else. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { findGroup } from '../shared/find';
import { actorOf } from '../shared/identity';
import { groupName } from '../shared/primitives';
import { role } from '../shared/wire-account';
import { presentApiKey } from './present';
import { createdApiKey } from './wire';

export const createApiKey = mutation({
  name: 'apiKeys.create',
  summary: 'Create an API key; the secret is shown once',
  rest: { method: 'POST', path: '/api-keys', status: 201 },
  graphql: { field: 'createApiKey', style: 'input' },
  role: 'admin',
  rate: 'write',
  needsProof: true,
  input: z
    .strictObject({
      name: z.string().min(1).max(100).meta({ description: 'What it is for' }),
      role,
      groups: z
        .array(groupName)
        .min(1)
        .max(100)
        .optional()
        .meta({ description: 'Only these groups, their nodes and operations; default: everything' }),
      expires_at: z.iso.datetime({ offset: true }).optional().meta({ description: 'ISO 8601; default: never' }),
    })
    .meta({ id: 'CreateApiKeyInput', description: 'A new API key' }),
  output: createdApiKey,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { name: 'nightly report', role: 'viewer' },
  async handler({ input, context }) {
    const { view } = context.engine.current();
    for (const name of input.groups ?? []) findGroup(view, name);
    if (input.expires_at !== undefined && Date.parse(input.expires_at) <= Date.now()) {
      throw new ClusterError('INVALID_INPUT', 'expires_at: is in the past');
    }
    const { accounts, identity } = context;
    if (identity.kind === 'anonymous') throw new ClusterError('UNAUTHORIZED', 'Sign in first');
    const { record, secret } = await accounts.createApiKey({
      name: input.name,
      role: input.role,
      groups: input.groups ? [...new Set(input.groups)] : null,
      expiresAt: input.expires_at ?? null,
      by: actorOf(identity),
      person: await accounts.personBehind(identity),
    });
    return { ...presentApiKey(record, (await accounts.keyStandings()).get(record.id)), secret };
  },
});
