/** One distributed transaction. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { query } from '../definition';
import { askCoordinator } from './coordinator';
import { presentTransaction } from './present';
import { xaTransaction, xidInput } from './wire';

export const get = query({
  name: 'xa.get',
  summary: 'One distributed transaction with its branches',
  rest: { method: 'GET', path: '/xa/transactions/{xid}' },
  graphql: { field: 'xaTransaction', nullable: true },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject(xidInput),
  output: xaTransaction,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { xid: '1:order-4711:0' },
  async handler({ input, context }) {
    const found = await askCoordinator(context, 'xa.get', { xid: input.xid });
    if (found !== null) return presentTransaction(found);
    throw new ClusterError(
      'NOT_FOUND',
      `No transaction ${input.xid}: if it ever was, it was rolled back, or ended too long ago`,
      { extra: { xa_code: 'XAER_NOTA' } },
    );
  },
});
