/** How one signs in, and who the caller is. */
import { z } from 'zod';
import { isoTime } from '../shared/primitives';
import { role } from '../shared/wire-account';

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
