/** Invitations on the wire. */
import type { InvitationRecord } from '@/server/auth/api';
import { stateOf } from '@/server/auth/invitations';

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
