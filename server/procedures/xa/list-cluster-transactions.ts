/** Every prepared transaction of the installation, whoever prepared it. */
import { z } from 'zod';
import { query } from '../definition';
import { findGroup } from '../shared/find';
import { groupName, pageInput, partialPageOf } from '../shared/primitives';
import { pageOfPrepared } from './prepared';
import { clusterTransaction } from './wire';

export const listTransactions = query({
  name: 'cluster.listTransactions',
  summary: 'Prepared transactions of every node and resource manager: what they block, and what becomes of them',
  description:
    'Each is listed once, of its group’s primary; while a group has none, as its standbys hold it. Those of others are shown and never touched.',
  rest: { method: 'GET', path: '/cluster/transactions' },
  graphql: { field: 'clusterTransactions' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    group: groupName.optional().meta({ description: 'Only of this group; default: everywhere' }),
  }),
  output: partialPageOf(clusterTransaction),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    if (input.group !== undefined) findGroup(context.engine.current().view, input.group);
    return pageOfPrepared(context, input);
  },
});
