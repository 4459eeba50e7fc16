/** Failover history, newest first. */
import { z } from 'zod';
import { query } from '../definition';
import { pageOfOperations } from '../shared/operation-history';
import { groupName, pageInput, partialPageOf } from '../shared/primitives';
import { presentFailover } from './present-failover';
import { failoverRecord } from './wire-failover';

export const listFailovers = query({
  name: 'cluster.listFailovers',
  summary: 'Failover history with phase timings and writes at risk',
  rest: { method: 'GET', path: '/cluster/failovers' },
  graphql: { field: 'failovers' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ ...pageInput, group: groupName.optional() }),
  output: partialPageOf(failoverRecord),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    return pageOfOperations(context, 'cluster.listFailovers', { ...input, kinds: ['failover'] }, presentFailover);
  },
});
