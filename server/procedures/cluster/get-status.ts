/** Clustering status in RustyDB's shape. */
import { z } from 'zod';
import { query } from '../definition';
import { isAdmin } from '../shared/identity';
import { presentClusteringStatus } from './present-status';
import { clusteringStatus } from './wire-health';

export const getStatus = query({
  name: 'cluster.getStatus',
  summary: 'Clustering status',
  rest: { method: 'GET', path: '/clustering/status' },
  graphql: { field: 'clusteringStatus' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({}),
  output: clusteringStatus,
  errors: ['UNAVAILABLE'],
  example: {},
  handler: ({ context }) => presentClusteringStatus(context.engine.current(), isAdmin(context.identity)),
});
