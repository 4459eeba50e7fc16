/** Failover history, newest first. */
import { z } from 'zod';
import { query } from '../definition';
import { listOperations } from '../operation-history';
import { presentFailover } from '../present/failover';
import { failoverRecord } from '../schemas/failover';
import { groupName, pageInput, pageOf } from '../schemas/primitives';

export const listFailovers = query({
  name: 'cluster.listFailovers',
  summary: 'Failover history with phase timings and writes at risk',
  rest: { method: 'GET', path: '/cluster/failovers' },
  graphql: { field: 'failovers' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ ...pageInput, group: groupName.optional() }),
  output: pageOf(failoverRecord),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const page = await listOperations(context, { ...input, kinds: ['failover'] });
    return { items: page.operations.map(presentFailover), next_cursor: page.next, total_count: null };
  },
});
