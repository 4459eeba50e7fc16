/** What the cluster asks of those who use force, on the wire. */
import { z } from 'zod';

export const accessPolicy = z
  .object({
    reauthenticate_minutes: z.int().meta({ description: 'A force path needs a password given not longer ago' }),
    keys_confirm_force: z.boolean().meta({ description: 'Keys must send `confirm` with a force path' }),
    force_needs_approval: z.boolean().meta({ description: 'A force path waits for the approval of another admin' }),
    approval_minutes: z.int().meta({ description: 'How long a request waits' }),
  })
  .meta({ id: 'AccessPolicy', description: 'What the cluster asks of those who use force' });
