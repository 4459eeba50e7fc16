/** Health transitions, newest first. */
import { z } from 'zod';
import { query } from '../definition';
import { groupName, nodeId } from '../schemas/primitives';
import { healthTransition } from '../schemas/topology';

export const listHealthHistory = query({
  name: 'cluster.listHealthHistory',
  summary: 'Health transitions',
  rest: { method: 'GET', path: '/cluster/health/history' },
  graphql: { field: 'clusterHealthHistory' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    limit: z.int().min(1).max(1000).default(100).meta({ description: 'At most this many' }),
    node: nodeId.optional(),
    group: groupName.optional(),
  }),
  output: z.array(healthTransition),
  errors: ['UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const history = await context.engine.leader('health.history', { limit: 1000 });
    return history
      .filter((one) => (!input.node || one.node === input.node) && (!input.group || one.group === input.group))
      .slice(0, input.limit)
      .map((one) => ({ ...one }));
  },
});
