/** API keys on the wire. The secret appears only in the answer that creates one. */
import { z } from 'zod';
import { isoTime } from '../shared/primitives';
import { role } from '../shared/wire-account';

export const apiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    prefix: z.string().meta({ description: 'First characters of the secret, to recognise it' }),
    role,
    groups: z.array(z.string()).nullable().meta({ description: 'The only groups it may see and act on; null: all' }),
    created_at: isoTime,
    created_by: z.string(),
    person: z.string().nullable().meta({ description: 'The user who stands behind it; null: no person does' }),
    effective_role: role
      .nullable()
      .meta({ description: 'What it may do now, never more than that user; null: nothing' }),
    ended_reason: z.string().nullable().meta({ description: 'Why it is refused; null: it works' }),
    expires_at: isoTime.nullable(),
    last_used_at: isoTime.nullable().meta({ description: 'Up to a minute behind; null: not used yet' }),
    last_used_from: z.string().nullable().meta({ description: 'Address of the last use' }),
    revoked: z.boolean(),
  })
  .meta({ id: 'ApiKey', description: 'An API key, never its secret' });

export const createdApiKey = apiKey
  .extend({ secret: z.string().meta({ description: 'Shown once' }) })
  .meta({ id: 'CreatedApiKey', description: 'A new API key with its secret' });
