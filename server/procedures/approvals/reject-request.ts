/** Rejects a call with force that waits. */
import { mutation } from '../definition';
import { decide, decision } from './decide-request';

export const rejectRequest = mutation({
  ...decision,
  name: 'approvals.reject',
  summary: 'Reject a call with force, or withdraw one’s own',
  rest: { method: 'POST', path: '/approvals/{id}/reject' },
  graphql: { field: 'rejectRequest' },
  handler: decide('reject'),
});
