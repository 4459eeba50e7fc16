/** Replication of every link in the cluster. */
import { z } from 'zod';
import { query } from '../definition';
import { groupName } from '../shared/primitives';
import { presentClusterReplication } from './present';
import { clusterReplication } from './wire';

export const getClusterReplication = query({
  name: 'replication.getClusterReplication',
  summary: 'Replication status of every link in the cluster',
  rest: { method: 'GET', path: '/cluster/replication' },
  graphql: { field: 'clusterReplication' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({ group: groupName.optional().meta({ description: 'Default: the first group' }) }),
  output: clusterReplication,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) => presentClusterReplication(context.engine.current(), input.group),
});
