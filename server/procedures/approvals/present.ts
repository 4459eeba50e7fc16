/** Approvals on the wire. */
import type { ApprovalRecord } from '@/server/auth/api';

export function presentApproval(record: ApprovalRecord) {
  return {
    id: record.id,
    procedure: record.procedure,
    input: { ...record.input },
    state: record.state,
    requested_by: `${record.requester.kind}:${record.requester.name}`,
    requested_at: record.createdAt,
    expires_at: record.expiresAt,
    plan_hash: record.plan?.hash ?? null,
    group: record.plan?.group ?? null,
    steps: [...(record.plan?.steps ?? [])],
    expected_pause_ms: record.plan?.expectedPauseMs ?? null,
    bytes_at_risk: record.plan?.bytesAtRisk ?? null,
    decided_by: record.decidedBy,
    decided_at: record.decidedAt,
    comment: record.comment,
    operation_id: record.operationId,
    error: record.error?.message ?? null,
  };
}
