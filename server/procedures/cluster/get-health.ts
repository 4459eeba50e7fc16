/** The verdict on the cluster. */
import { z } from 'zod';
import { query } from '../definition';
import { presentHealth } from './present-health';
import { clusterHealth } from './wire-health';

export const getHealth = query({
  name: 'cluster.getHealth',
  summary: 'Cluster health verdict with reasons',
  rest: { method: 'GET', path: '/cluster/health' },
  graphql: { field: 'clusterHealth' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({}),
  output: clusterHealth,
  errors: ['UNAVAILABLE'],
  example: {},
  handler: ({ context }) => presentHealth(context.engine.current()),
});
