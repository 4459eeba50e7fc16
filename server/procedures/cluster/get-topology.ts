/** The cluster in one answer: groups, nodes, links, quorum. */
import { z } from 'zod';
import { query } from '../definition';
import { isAdmin } from '../shared/identity';
import { presentTopology } from '../shared/present-topology';
import { clusterTopology } from '../shared/wire-topology';

export const getTopology = query({
  name: 'cluster.getTopology',
  summary: 'Topology: groups, nodes, links, quorum',
  rest: { method: 'GET', path: '/cluster/topology' },
  graphql: { field: 'clusterTopology' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({}),
  output: clusterTopology,
  errors: ['UNAVAILABLE'],
  example: {},
  handler: ({ context }) => presentTopology(context.engine.current(), isAdmin(context.identity)),
});
