/** Ends the record of a transaction that an administrator ended heuristically. */
import { z } from 'zod';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { askCoordinator } from './coordinator';
import { presentTransaction } from './present';
import { reasonInput, xaTransaction, xidInput } from './wire';

export const forget = mutation({
  name: 'xa.forget',
  summary: 'Forget a distributed transaction that ended heuristically',
  description: 'Confirms that somebody has seen to what a heuristic outcome left behind.',
  rest: { method: 'POST', path: '/xa/transactions/{xid}/forget' },
  graphql: { field: 'forgetXaTransaction' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({ ...xidInput, reason: reasonInput }),
  output: xaTransaction,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { xid: '1:order-4711:0' },
  async handler({ input, context }) {
    const requester = requesterOf(context, input.reason);
    return presentTransaction(await askCoordinator(context, 'xa.forget', { xid: input.xid, requester }));
  },
});
