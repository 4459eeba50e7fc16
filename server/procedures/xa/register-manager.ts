/** Registers a server outside the cluster as a resource manager, after a look at it. */
import { z } from 'zod';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { name } from '../shared/primitives';
import { askCoordinator } from './coordinator';
import { presentManager } from './present';
import { reasonInput, resourceManager, tlsMode } from './wire';

export const registerManager = mutation({
  name: 'xa.registerManager',
  summary: 'Register a PostgreSQL or MariaDB server as a resource manager',
  description:
    'It is asked first: what it answers with is its health. Groups of this cluster take part without registration. The password is kept sealed.',
  rest: { method: 'POST', path: '/xa/resource-managers', status: 201 },
  graphql: { field: 'registerResourceManager', style: 'input' },
  role: 'operator',
  rate: 'write',
  secretKeys: ['password'],
  input: z
    .strictObject({
      name,
      kind: z.enum(['postgresql', 'mariadb']).meta({ description: 'Which server it is' }),
      host: z
        .string()
        .regex(/^[A-Za-z0-9.:_-]{1,255}$/, 'a host name or an address')
        .meta({ description: 'Host that the primary of the coordinator group can reach' }),
      port: z.int().min(1).max(65_535),
      database: z.string().min(1).max(63),
      user: z.string().min(1).max(128),
      password: z.string().max(1000).meta({ description: 'Password of the user; kept sealed, never shown' }),
      tls: tlsMode.default('verify-full'),
      certificate_authority: z
        .string()
        .max(100_000)
        .nullable()
        .default(null)
        .meta({ description: 'PEM of the authority; null: those that Node.js trusts' }),
      dry_run: z.boolean().optional().meta({ description: 'Look at the server and keep nothing' }),
      reason: reasonInput,
    })
    .meta({ id: 'RegisterResourceManagerInput', description: 'A resource manager to register' }),
  output: resourceManager,
  errors: ['INVALID_INPUT', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: {
    name: 'billing',
    kind: 'mariadb',
    host: '127.0.0.1',
    port: 3306,
    database: 'billing',
    user: 'rustydb',
    password: 'secret',
    tls: 'off',
    dry_run: true,
  },
  async handler({ input, context }) {
    const { dry_run: dryRun = false, reason, certificate_authority: certificateAuthority, ...registration } = input;
    const made = await askCoordinator(context, 'xa.manager.register', {
      registration: { ...registration, certificateAuthority },
      dryRun,
      requester: requesterOf(context, reason),
    });
    return presentManager(made);
  },
});
