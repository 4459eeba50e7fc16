/** The second phase of two-phase commit, or both at once. */
import { z } from 'zod';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { askCoordinator } from './coordinator';
import { presentTransaction } from './present';
import { reasonInput, xaTransaction, xidInput } from './wire';

export const commit = mutation({
  name: 'xa.commit',
  summary: 'Commit a distributed transaction: the second phase',
  description:
    'Answers when the decision is durable and each branch that answers has committed; the others follow by themselves. After a time-out ask for the transaction: it may have committed.',
  rest: {
    method: 'POST',
    path: '/xa/transactions/{xid}/commit',
    aliases: [{ method: 'POST', path: '/xa/commit' }],
  },
  graphql: { field: 'commitXaTransaction' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    ...xidInput,
    one_phase: z
      .boolean()
      .default(false)
      .meta({ description: 'Of one that is not prepared: prepare and commit it; one branch commits directly' }),
    reason: reasonInput,
  }),
  output: xaTransaction,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { xid: '1:order-4711:0' },
  async handler({ input, context }) {
    const { xid, one_phase: onePhase, reason } = input;
    const requester = requesterOf(context, reason);
    return presentTransaction(await askCoordinator(context, 'xa.commit', { xid, onePhase, requester }));
  },
});
