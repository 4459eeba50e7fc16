/** Lockouts, policy, approvals and invitations on the wire. */
import type { AccessPolicy, ApprovalRecord, InvitationRecord, LockoutRecord } from '@/server/auth/api';
import { stateOf } from '@/server/auth/invitations';

export function presentLockout(record: LockoutRecord, now = Date.now()) {
  const remainingMs = record.lockedUntil === null ? 0 : Date.parse(record.lockedUntil) - now;
  const locked = remainingMs > 0;
  return {
    id: `${record.kind}:${record.subject}`,
    kind: record.kind,
    subject: record.subject,
    failures: record.failures,
    first_failure_at: record.firstFailureAt,
    last_failure_at: record.lastFailureAt,
    locked,
    locked_until: locked ? record.lockedUntil : null,
    unlocks_in_seconds: locked ? Math.ceil(remainingMs / 1000) : null,
  };
}

export function presentPolicy(policy: AccessPolicy) {
  return {
    reauthenticate_minutes: policy.reauthenticateMinutes,
    keys_confirm_force: policy.keysConfirmForce,
    force_needs_approval: policy.forceNeedsApproval,
    approval_minutes: policy.approvalMinutes,
  };
}

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

export function presentInvitation(record: InvitationRecord) {
  return {
    id: record.id,
    username: record.username,
    role: record.role,
    created_by: record.createdBy,
    created_at: record.createdAt,
    expires_at: record.expiresAt,
    state: stateOf(record),
  };
}
