/** All nodes of the cluster, a page at a time. */
import { z } from 'zod';
import { query } from '../definition';
import { isAdmin } from '../shared/identity';
import { paginate } from '../shared/page';
import { presentNodes } from '../shared/present-node';
import { groupName, pageInput, pageOf } from '../shared/primitives';
import { clusterNode, nodeRole, nodeStatus } from '../shared/wire-node';
import { compareNodes, nodeSorts } from './node-order';

export const listNodes = query({
  name: 'cluster.listNodes',
  summary: 'All nodes',
  rest: { method: 'GET', path: '/cluster/nodes' },
  graphql: { field: 'clusterNodes' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({
    ...pageInput,
    sort: z.enum(nodeSorts).optional().meta({ description: 'Field, with a leading dash for descending' }),
    group: groupName.optional(),
    region: z.string().max(64).optional().meta({ description: 'Only nodes of this region' }),
    status: nodeStatus.optional(),
    role: nodeRole
      .or(z.enum(['leader', 'follower']))
      .optional()
      .meta({ description: 'leader and follower are synonyms' }),
  }),
  output: pageOf(clusterNode),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    const role = input.role === 'leader' ? 'primary' : input.role === 'follower' ? 'standby' : input.role;
    const nodes = presentNodes(context.engine.current(), isAdmin(context.identity)).filter(
      (node) =>
        (!input.group || node.group === input.group) &&
        (!input.region || node.region === input.region) &&
        (!input.status || node.status === input.status) &&
        (!role || node.role === role),
    );
    return paginate(nodes, input, compareNodes(input.sort ?? 'name'));
  },
});
