/** The topology, whole, after each change. */
import { z } from 'zod';
import { subscription } from '../definition';
import { isAdmin } from '../identity';
import { presentTopology } from '../present/topology';
import { clusterTopology } from '../schemas/topology';
import { viewChanges } from '../view-stream';

export const watchTopology = subscription({
  name: 'cluster.watchTopology',
  summary: 'The topology after each change',
  rest: { method: 'GET', path: '/cluster/topology/changes' },
  graphql: { field: 'clusterTopologyChanged' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: clusterTopology,
  errors: ['UNAVAILABLE'],
  example: {},
  async *handler({ context }) {
    for await (const current of viewChanges(context)) yield presentTopology(current, isAdmin(context.identity));
  },
});
