/** Regions and who is in them. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { presentRegions } from './present';
import { region } from './wire';

export const listRegions = query({
  name: 'geo.listRegions',
  summary: 'Regions and their nodes',
  rest: { method: 'GET', path: '/geo-replication/regions' },
  graphql: { field: 'geoReplicationRegions' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({ ...pageInput }),
  output: pageOf(region),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) =>
    paginate(presentRegions(context.engine.current()), input, {
      list: 'geo.listRegions',
      key: (one) => [one.id],
      direction: 1,
    }),
});
