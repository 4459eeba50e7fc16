/** Health transitions, newest first. */
import { z } from 'zod';
import { query } from '../definition';
import { groupName, nodeId, pageInput, partialPageOf } from '../shared/primitives';
import { pageOfHealth } from './health-history';
import { healthTransition } from './wire-health';

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
  output: partialPageOf(healthTransition),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) => pageOfHealth(context, input),
});
