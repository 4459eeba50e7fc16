/** Failed sign-ins on the wire. */
import { z } from 'zod';
import { isoTime } from '../shared/primitives';

export const lockout = z
  .object({
    id: z.string().meta({ description: 'account:name or address:address' }),
    kind: z.enum(['account', 'address']),
    subject: z.string().meta({ description: 'The name that was tried, or the address it was tried from' }),
    failures: z.int().meta({ description: 'Failed sign-ins in the present quarter of an hour' }),
    first_failure_at: isoTime,
    last_failure_at: isoTime,
    locked: z.boolean().meta({ description: 'Signing in is refused now, also with the right password' }),
    locked_until: isoTime.nullable(),
    unlocks_in_seconds: z.int().nullable().meta({ description: 'Null when it is not locked' }),
  })
  .meta({ id: 'Lockout', description: 'Failed sign-ins of an account or from an address' });
