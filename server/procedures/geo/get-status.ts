/** How far each region is. */
import { z } from 'zod';
import { query } from '../definition';
import { presentGeoStatus } from './present';
import { geoStatus } from './wire';

export const getStatus = query({
  name: 'geo.getStatus',
  summary: 'Per-region lag, RPO, role',
  rest: { method: 'GET', path: '/geo-replication/status' },
  graphql: { field: 'geoReplicationStatus' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({}),
  output: geoStatus,
  errors: ['UNAVAILABLE'],
  example: {},
  handler: ({ context }) => presentGeoStatus(context.engine.current()),
});
