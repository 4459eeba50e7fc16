/** Sessions of the console on the wire. */
import { z } from 'zod';
import { isoTime } from '../shared/primitives';

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
