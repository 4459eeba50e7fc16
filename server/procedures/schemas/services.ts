/** Global data services: named endpoints that PostgreSQL clients connect to. */
import { z } from 'zod';

export const globalService = z
  .object({
    service_name: z.string(),
    group: z.string(),
    kind: z.enum(['rw', 'ro']),
    host: z.string(),
    port: z.int(),
    database: z.string(),
    user: z.string(),
    built_in: z.boolean(),
    available: z.boolean().meta({ description: 'A node can serve it now' }),
    reason: z.string().nullable().meta({ description: 'Why it is not available' }),
    strategy: z.string(),
    open_sessions: z.int().nullable().meta({ description: 'Sessions open now; null while no router reports' }),
    endpoints: z.array(
      z
        .object({
          node: z.string(),
          host: z.string(),
          port: z.int(),
          role: z.enum(['primary', 'standby']),
          region: z.string(),
          state: z.string(),
        })
        .meta({ id: 'ServiceEndpoint', description: 'A node behind a service' }),
    ),
    connection_string: z.string().meta({ description: 'Without the password' }),
  })
  .meta({ id: 'GlobalService', description: 'A named endpoint for PostgreSQL clients' });

export const serviceCredentials = z
  .object({
    service_name: z.string(),
    host: z.string(),
    port: z.int(),
    database: z.string(),
    user: z.string(),
    password: z.string(),
    connection_string: z.string().meta({ description: 'With the password' }),
  })
  .meta({ id: 'ServiceCredentials', description: 'How to connect, with the password' });
