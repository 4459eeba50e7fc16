/** Starts a distributed transaction; with `work` and `commit` it is a whole one in one call. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { askCoordinator } from './coordinator';
import { presentWork, statementsOf } from './present';
import { branchInput, managerName, reasonInput, work, xaWork } from './wire';
import { xid } from './xid';

const mostBranches = 32;

export const start = mutation({
  name: 'xa.start',
  summary: 'Start a distributed transaction over several resource managers',
  description:
    'Answers each branch with its identifier. A managed branch takes statements from here on; the application runs those of its own branches and prepares them as prepare_with says.',
  rest: {
    method: 'POST',
    path: '/xa/transactions/start',
    aliases: [{ method: 'POST', path: '/xa/start' }],
  },
  graphql: { field: 'startXaTransaction', style: 'input' },
  role: 'operator',
  rate: 'write',
  // Statements and their parameters are people's data.
  unloggedKeys: ['work'],
  input: z
    .strictObject({
      xid: xid.optional(),
      branches: z
        .array(branchInput)
        .max(mostBranches)
        .optional()
        .meta({ description: 'Which resource managers take part, and who runs their statements' }),
      resource_managers: z
        .array(managerName)
        .max(mostBranches)
        .optional()
        .meta({ description: 'Short for branches that are all managed' }),
      timeout_seconds: z
        .int()
        .min(1)
        .max(3600)
        .default(60)
        .meta({ description: 'It is rolled back unless it is decided in this time' }),
      work: work.optional(),
      commit: z.boolean().default(false).meta({ description: 'End it and commit it in this call' }),
      reason: reasonInput,
    })
    .meta({ id: 'StartXaInput', description: 'A distributed transaction to start' }),
  output: xaWork,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { xid: '1:order-4712:0', resource_managers: ['alpha', 'beta'] },
  async handler({ input, context }) {
    const short = (input.resource_managers ?? []).map((name) => ({ resource_manager: name, mode: 'managed' as const }));
    const branches = [...(input.branches ?? []), ...short];
    if (branches.length === 0) {
      throw new ClusterError('INVALID_INPUT', 'branches: a transaction needs at least one resource manager', {
        extra: { xa_code: 'XAER_INVAL' },
      });
    }
    const done = await askCoordinator(context, 'xa.start', {
      xid: input.xid ?? null,
      branches: branches.map((one) => ({ resourceManager: one.resource_manager, mode: one.mode })),
      timeoutMs: input.timeout_seconds * 1000,
      work: statementsOf(input.work ?? []),
      commit: input.commit,
      requester: requesterOf(context, input.reason),
    });
    return presentWork(done);
  },
});
