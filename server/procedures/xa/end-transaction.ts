/** Ends the work of a transaction: nothing more is sent to its branches. */
import { z } from 'zod';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { askCoordinator } from './coordinator';
import { presentTransaction } from './present';
import { reasonInput, xaTransaction, xidInput } from './wire';

export const end = mutation({
  name: 'xa.end',
  summary: 'End the work of a distributed transaction',
  description:
    'success: it can be prepared; fail: it can only be rolled back. PostgreSQL can not suspend, join or resume a branch: these answer XAER_RMERR.',
  rest: { method: 'POST', path: '/xa/transactions/{xid}/end' },
  graphql: { field: 'endXaTransaction' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    ...xidInput,
    flag: z
      .enum(['success', 'fail', 'suspend', 'join', 'resume'])
      .default('success')
      .meta({ description: 'How the work ended, by its name in X/Open XA' }),
    reason: reasonInput,
  }),
  output: xaTransaction,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { xid: '1:order-4711:0' },
  async handler({ input, context }) {
    const { xid, flag, reason } = input;
    const requester = requesterOf(context, reason);
    return presentTransaction(await askCoordinator(context, 'xa.end', { xid, flag, requester }));
  },
});
