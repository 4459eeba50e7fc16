/** Calls with force that wait for another admin, and those that were decided in the last 30 days. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { presentApproval } from './present';
import { approval } from './wire';

export const listApprovals = query({
  name: 'approvals.list',
  summary: 'Calls with force that wait for approval, and decided ones',
  rest: { method: 'GET', path: '/approvals' },
  graphql: { field: 'approvals' },
  role: 'operator',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    state: z
      .enum(['pending', 'approved', 'executed', 'rejected', 'expired', 'failed'])
      .optional()
      .meta({ description: 'Only in this state' }),
  }),
  output: pageOf(approval),
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const found = (await context.approvals.list()).filter((one) => !input.state || one.state === input.state);
    return paginate(found.map(presentApproval), input, {
      list: 'approvals.list',
      key: (one) => [one.requested_at, one.id],
      direction: -1,
    });
  },
});
