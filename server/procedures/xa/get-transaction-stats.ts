/** Counters and latencies of two-phase commit. */
import { z } from 'zod';
import { query } from '../definition';
import { askCoordinatorWhere } from './coordinator';
import { presentStats } from './present';
import { transactionStats } from './wire';

export const getTransactionStats = query({
  name: 'cluster.getTransactionStats',
  summary: 'Counters and latencies of two-phase commit',
  rest: { method: 'GET', path: '/cluster/transactions/stats' },
  graphql: { field: 'clusterTransactionStats' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({}),
  output: transactionStats,
  errors: ['TIMEOUT', 'UNAVAILABLE'],
  example: {},
  async handler({ context }) {
    const { answer, group, node } = await askCoordinatorWhere(context, 'xa.stats', {});
    return { coordinator_group: group, coordinator_node: node, ...presentStats(answer) };
  },
});
