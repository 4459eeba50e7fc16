/** A user on the wire; hashes never leave. */
import type { UserRecord } from '@/server/auth/api';

export function presentUser(user: UserRecord) {
  return {
    id: user.id,
    username: user.username,
    role: user.role,
    disabled: user.disabled,
    created_at: user.createdAt,
    created_by: user.createdBy,
    password_changed_at: user.passwordChangedAt,
  };
}
