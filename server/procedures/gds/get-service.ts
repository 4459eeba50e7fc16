/** One service. */
import { z } from 'zod';
import { query } from '../definition';
import { name } from '../shared/primitives';
import { findService } from './present';
import { globalService } from './wire';

export const getService = query({
  name: 'gds.getService',
  summary: 'Get service details',
  rest: { method: 'GET', path: '/gds/services/{name}' },
  graphql: { field: 'gdsService', nullable: true },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ name: name.meta({ description: 'Service name, e.g. alpha-rw' }) }),
  output: globalService,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: { name: 'alpha-rw' },
  handler: ({ input, context }) => findService(context, input.name),
});
