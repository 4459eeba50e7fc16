/** What a failover would do, check by check. The plan in it is the plan that runs. */
import { query } from '../definition';
import { failoverInput, failoverRequest } from '../shared/failover-request';
import { planOperation } from '../shared/operate';
import { presentPreflight } from './present-failover';
import { failoverPreflight } from './wire-failover';

export const preflightFailover = query({
  name: 'cluster.preflightFailover',
  summary: 'Checks for a failover: candidates ranked, lag, data at risk, blockers, expected outage',
  rest: { method: 'POST', path: '/cluster/failover/preflight' },
  graphql: { field: 'failoverPreflight', style: 'input' },
  role: 'operator',
  rate: 'node',
  needsMajority: true,
  input: failoverInput,
  output: failoverPreflight,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { group: 'alpha' },
  async handler({ input, context }) {
    const { view } = context.engine.current();
    const request = failoverRequest(view, input);
    return presentPreflight(view, request, await planOperation(context, input, request, { asItIs: true }));
  },
});
