/** Runs statements in managed branches of a transaction. */
import { z } from 'zod';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { askCoordinator } from './coordinator';
import { presentWork, statementsOf } from './present';
import { work, xaWork, xidInput } from './wire';

export const execute = mutation({
  name: 'xa.execute',
  summary: 'Run statements in the managed branches of a distributed transaction',
  description: 'Values belong into parameters. A statement that fails leaves nothing but rollback to its transaction.',
  rest: { method: 'POST', path: '/xa/transactions/{xid}/statements' },
  graphql: { field: 'executeXaStatements' },
  role: 'operator',
  rate: 'write',
  // Statements and their parameters are people's data.
  unloggedKeys: ['work'],
  input: z.strictObject({ ...xidInput, work: work.min(1) }),
  output: xaWork,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: {
    xid: '1:order-4711:0',
    work: [
      {
        resource_manager: 'alpha',
        statement: 'update account set balance = balance - $1 where id = $2',
        parameters: [100, 1],
      },
    ],
  },
  async handler({ input, context }) {
    const done = await askCoordinator(context, 'xa.execute', {
      xid: input.xid,
      work: statementsOf(input.work),
      requester: requesterOf(context),
    });
    return presentWork(done);
  },
});
