/** Manual failover or switchover: plans with dry_run, otherwise journals the operation and answers it. */
import { mutation } from '../definition';
import { failoverInput, failoverRequest } from '../shared/failover-request';
import { runOperation } from '../shared/operate';
import { operation } from '../shared/wire-operation';

export const failover = mutation({
  name: 'cluster.failover',
  summary: 'Manual failover or switchover',
  description:
    'With dry_run the answer is the plan that would run. Execute it with its plan_hash: if the cluster changed meanwhile, the answer is 412 with the new plan.',
  rest: { method: 'POST', path: '/cluster/failover' },
  graphql: { field: 'triggerFailover', style: 'input', typeName: 'FailoverResult' },
  role: 'operator',
  rate: 'write',
  adminKeys: ['force', 'allow_data_loss', 'allow_slot_loss'],
  input: failoverInput,
  output: operation,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { group: 'alpha', mode: 'switchover', dry_run: true },
  handler: ({ input, context }) => runOperation(context, input, failoverRequest(context.engine.current().view, input)),
});
