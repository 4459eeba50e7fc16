/** One failover, live while it runs. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { query } from '../definition';
import { getOperation } from '../shared/operation-history';
import { operationId } from '../shared/primitives';
import { presentFailover } from './present-failover';
import { failoverRecord } from './wire-failover';

export const getFailover = query({
  name: 'cluster.getFailover',
  summary: 'One failover, live while it runs',
  rest: { method: 'GET', path: '/cluster/failovers/{id}' },
  graphql: { field: 'failover', nullable: true },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ id: operationId }),
  output: failoverRecord,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: { id: '01900000-0000-7000-8000-000000000000' },
  async handler({ input, context }) {
    const found = await getOperation(context, input.id);
    if (found.kind !== 'failover') throw new ClusterError('NOT_FOUND', `No failover ${input.id}`);
    return presentFailover(found);
  },
});
