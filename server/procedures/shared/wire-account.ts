/** Accounts of people: role, sign-in name, password and the user itself, in each area that deals with them. */
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
