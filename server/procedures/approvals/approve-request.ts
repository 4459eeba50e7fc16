/** Approves and runs a call with force that waits. */
import { mutation } from '../definition';
import { decide, decision } from './decide-request';

export const approveRequest = mutation({
  ...decision,
  name: 'approvals.approve',
  summary: 'Approve a call with force; the plan that was shown runs',
  description:
    'An admin other than the requester. The plan must still be the one that was shown: otherwise the request fails and is made anew.',
  rest: { method: 'POST', path: '/approvals/{id}/approve' },
  graphql: { field: 'approveRequest' },
  needsProof: true,
  handler: decide('approve'),
});
