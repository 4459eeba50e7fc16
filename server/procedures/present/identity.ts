/** Users, keys and the caller on the wire; hashes never leave. */
import { ClusterError } from '@/engine/kernel/errors';
import type { ApiKeyRecord, Identity, UserRecord } from '@/server/auth/api';

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

export function presentApiKey(key: ApiKeyRecord) {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    role: key.role,
    created_at: key.createdAt,
    created_by: key.createdBy,
    expires_at: key.expiresAt,
    revoked: key.revoked,
  };
}

export function presentIdentity(identity: Identity) {
  if (identity.kind === 'anonymous') throw new ClusterError('UNAUTHORIZED', 'Sign in first');
  return {
    kind: identity.kind,
    id: identity.id,
    name: identity.name,
    role: identity.role,
    session_expires_at: identity.kind === 'user' ? identity.sessionExpiresAt : null,
  };
}
