/** The procedures of `approvals`: requests that wait for a second admin. */
import { approveRequest } from './approve-request';
import { listApprovals } from './list-approvals';
import { rejectRequest } from './reject-request';

export const approvals = {
  approve: approveRequest,
  list: listApprovals,
  reject: rejectRequest,
} as const;
