/** How to connect, with the password. A read that is audited like a change, because it hands out a secret. */
import { z } from 'zod';
import { query } from '../definition';
import { name } from '../shared/primitives';
import { directConnectionString, findService } from './present';
import { serviceCredentials } from './wire';

export const getCredentials = query({
  name: 'gds.getCredentials',
  summary: 'How to connect, with the password; audited',
  rest: { method: 'GET', path: '/gds/services/{name}/credentials' },
  graphql: { field: 'gdsServiceCredentials' },
  role: 'admin',
  rate: 'node',
  audited: true,
  input: z.strictObject({ name: name.meta({ description: 'Service name, e.g. alpha-rw' }) }),
  output: serviceCredentials,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { name: 'alpha-rw' },
  async handler({ input, context }) {
    const service = await findService(context, input.name);
    const password = await context.facts.appPassword();
    const { service_name, host, port, database, user } = service;
    const connection = `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
    const direct = directConnectionString(service.kind, service.members, password);
    const strings = { connection_string: connection, direct_connection_string: direct };
    return { service_name, host, port, database, user, password, ...strings };
  },
});
