/** The first phase of two-phase commit. */
import { z } from 'zod';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { askCoordinator } from './coordinator';
import { presentTransaction } from './present';
import { reasonInput, xaTransaction, xidInput } from './wire';

export const prepare = mutation({
  name: 'xa.prepare',
  summary: 'Prepare every branch of a distributed transaction: the first phase',
  description:
    'A branch that can not be prepared rolls the whole transaction back. What is prepared survives the loss of any server.',
  rest: { method: 'POST', path: '/xa/transactions/{xid}/prepare', aliases: [{ method: 'POST', path: '/xa/prepare' }] },
  graphql: { field: 'prepareXaTransaction' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({ ...xidInput, reason: reasonInput }),
  output: xaTransaction,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { xid: '1:order-4711:0' },
  async handler({ input, context }) {
    const requester = requesterOf(context, input.reason);
    return presentTransaction(await askCoordinator(context, 'xa.prepare', { xid: input.xid, requester }));
  },
});
