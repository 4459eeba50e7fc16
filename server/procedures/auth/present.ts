/** The caller on the wire. */
import { ClusterError } from '@/engine/kernel/errors';
import type { Identity } from '@/server/auth/api';

export function presentIdentity(identity: Identity) {
  if (identity.kind === 'anonymous') throw new ClusterError('UNAUTHORIZED', 'Sign in first');
  return {
    kind: identity.kind,
    id: identity.id,
    name: identity.name,
    role: identity.role,
    session_expires_at: identity.kind === 'user' ? identity.sessionExpiresAt : null,
    groups: identity.kind === 'api-key' && identity.groups ? [...identity.groups] : null,
  };
}
