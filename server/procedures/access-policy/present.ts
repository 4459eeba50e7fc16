/** The policy for force paths on the wire. */
import type { AccessPolicy } from '@/server/auth/api';

export function presentPolicy(policy: AccessPolicy) {
  return {
    reauthenticate_minutes: policy.reauthenticateMinutes,
    keys_confirm_force: policy.keysConfirmForce,
    force_needs_approval: policy.forceNeedsApproval,
    approval_minutes: policy.approvalMinutes,
  };
}
