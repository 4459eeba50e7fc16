/** The topology, whole, after each change. */
import { z } from 'zod';
import { subscription } from '../definition';
import { isAdmin } from '../shared/identity';
import { presentTopology } from '../shared/present-topology';
import { viewChanges } from '../shared/view-stream';
import { clusterTopology } from '../shared/wire-topology';

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
