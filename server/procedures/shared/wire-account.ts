/** Who may do what: users, API keys, the caller itself. Secrets appear only in the answer that creates them. */
import { z } from 'zod';
import { isoTime } from './primitives';

export const role = z.enum(['viewer', 'operator', 'admin']).meta({ description: 'viewer < operator < admin' });

export const userName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._@-]{0,62}$/, 'lower-case letters, digits, and . _ @ -, at most 63')
  .meta({ description: 'Sign-in name' });
export const password = z.string().min(12).max(200).meta({ description: 'At least 12 characters' });

export const user = z
  .object({
    id: z.string(),
    username: z.string(),
    role,
    disabled: z.boolean(),
    created_at: isoTime,
    created_by: z.string(),
    password_changed_at: isoTime,
  })
  .meta({ id: 'User', description: 'A console user' });

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

export const consoleSession = z
  .object({
    id: z.string(),
    user_id: z.string(),
    created_at: isoTime,
    expires_at: isoTime,
    client_address: z.string().meta({ description: 'Where it began' }),
    device: z.string().nullable().meta({ description: 'What the browser calls itself' }),
    last_used_at: isoTime.meta({ description: 'Up to a minute behind' }),
    last_used_from: z.string().meta({ description: 'Address of the last use' }),
    reauthenticated_at: isoTime.meta({ description: 'When the password was last given' }),
    current: z.boolean().meta({ description: 'The session that asks' }),
  })
  .meta({ id: 'ConsoleSession', description: 'A signed-in browser' });

export const signInMethods = z
  .object({
    password: z.boolean().meta({ description: 'With a password of this console' }),
    single_sign_on: z
      .object({
        label: z.string().meta({ description: 'What the button says' }),
        path: z.string().meta({ description: 'Where the browser goes' }),
      })
      .meta({ id: 'SingleSignOn', description: 'An identity provider' })
      .nullable()
      .meta({ description: 'Null when no identity provider is configured' }),
  })
  .meta({ id: 'SignInMethods', description: 'How one can sign in here' });

export const whoami = z
  .object({
    kind: z.enum(['user', 'api-key']),
    id: z.string(),
    name: z.string(),
    role,
    session_expires_at: isoTime.nullable(),
    groups: z.array(z.string()).nullable().meta({ description: 'The only groups the caller may see; null: all' }),
  })
  .meta({ id: 'Identity', description: 'The caller' });
