/** Rolls a transaction back, on all of its resource managers. */
import { z } from 'zod';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { askCoordinator } from './coordinator';
import { presentTransaction } from './present';
import { reasonInput, xaTransaction, xidInput } from './wire';

export const rollback = mutation({
  name: 'xa.rollback',
  summary: 'Roll a distributed transaction back on every resource manager',
  description: 'Possible until commit was decided.',
  rest: { method: 'POST', path: '/xa/transactions/{xid}/rollback' },
  graphql: { field: 'rollbackXaTransaction' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({ ...xidInput, reason: reasonInput }),
  output: xaTransaction,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { xid: '1:order-4711:0' },
  async handler({ input, context }) {
    const requester = requesterOf(context, input.reason);
    return presentTransaction(await askCoordinator(context, 'xa.rollback', { xid: input.xid, requester }));
  },
});
