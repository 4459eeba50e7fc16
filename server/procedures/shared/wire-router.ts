/** What the load balancer and the services both tell of the router. */
import { z } from 'zod';

export const routerProcess = z
  .object({ host: z.string(), pid: z.int().nullable(), started_at: z.string().nullable() })
  .meta({ id: 'RouterProcess', description: 'The router process' })
  .nullable()
  .meta({ description: 'Null while no router reports' });

export const endpointState = z.enum(['active', 'idle', 'ejected', 'lagging', 'down']);
