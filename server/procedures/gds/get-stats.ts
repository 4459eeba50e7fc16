/** What the router counted, service by service. */
import { z } from 'zod';
import { query } from '../definition';
import { askForStats } from './present';
import { serviceStats } from './wire';

export const getStats = query({
  name: 'gds.getStats',
  summary: 'GDS statistics: sessions, held and refused connections, in all and per service',
  rest: { method: 'GET', path: '/gds/stats' },
  graphql: { field: 'gdsStats' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({}),
  output: serviceStats,
  errors: ['UNAVAILABLE'],
  example: {},
  handler: ({ context }) => askForStats(context),
});
