/** Distributed transactions that the coordinator knows. */
import { z } from 'zod';
import type { XaTransaction } from '@/engine/xa/door';
import { query } from '../definition';
import { paginate, type SortOrder } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { askCoordinator } from './coordinator';
import { presentTransaction } from './present';
import { xaTransaction } from './wire';

/** Undecided and unfinished ones are few; of those that ended the newest are told. */
const mostOpen = 2_000;
const mostWithEnded = 4_000;

/** As the coordinator orders them: open ones, oldest first, then those that ended, newest first. */
const order: SortOrder<XaTransaction> = {
  list: 'xa.list',
  key: ({ endedAt, startedAt, id }) =>
    endedAt === null ? [0, Date.parse(startedAt), id] : [1, -Date.parse(endedAt), id],
  direction: 1,
};

export const list = query({
  name: order.list,
  summary: 'Distributed transactions: open ones, oldest first; with ended also those that ended, newest first',
  rest: { method: 'GET', path: '/xa/transactions' },
  graphql: { field: 'xaTransactions' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    ended: z.boolean().optional().meta({ description: 'Also those that ended lately' }),
  }),
  output: pageOf(xaTransaction),
  errors: ['INVALID_INPUT', 'TIMEOUT', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const ended = input.ended ?? false;
    const limit = ended ? mostWithEnded : mostOpen;
    const found = await askCoordinator(context, 'xa.list', { limit, ended });
    const page = paginate(found, input, order);
    return {
      ...page,
      items: page.items.map(presentTransaction),
      total_count: found.length < limit ? page.total_count : null,
    };
  },
});
