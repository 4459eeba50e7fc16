/** The cluster's configuration. */
import { z } from 'zod';
import { query } from '../definition';
import { presentConfig } from './present-config';
import { clusterConfig } from './wire-config';

export const getConfig = query({
  name: 'cluster.getConfig',
  summary: 'Cluster configuration',
  rest: { method: 'GET', path: '/cluster/config' },
  graphql: { field: 'clusterConfig' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: clusterConfig,
  errors: ['UNAVAILABLE'],
  example: {},
  handler: ({ context }) => presentConfig(context.engine.current().view.config, []),
});
