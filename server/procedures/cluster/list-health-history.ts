/** Health transitions, newest first. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../page';
import { groupName, nodeId, pageInput, pageOf } from '../schemas/primitives';
import { healthTransition } from '../schemas/topology';

export const listHealthHistory = query({
  name: 'cluster.listHealthHistory',
  summary: 'Health transitions',
  rest: { method: 'GET', path: '/cluster/health/history' },
  graphql: { field: 'clusterHealthHistory' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    node: nodeId.optional(),
    group: groupName.optional(),
  }),
  output: pageOf(healthTransition),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const history = await context.engine.leader('health.history', { limit: 1000 });
    const found = history.filter(
      (one) => (!input.node || one.node === input.node) && (!input.group || one.group === input.group),
    );
    return paginate(found, input, {
      list: 'cluster.listHealthHistory',
      key: ({ at, node, group, from, to }) => [at, node ?? '', group ?? '', from, to],
      direction: -1,
    });
  },
});
