/** Users, keys and the caller on the wire; hashes never leave. */
import { ClusterError } from '@/engine/kernel/errors';
import type { ApiKeyRecord, Identity, KeyStanding, LastUse, SessionRecord, UserRecord } from '@/server/auth/api';

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

export function presentApiKey(key: ApiKeyRecord, standing: KeyStanding | undefined, use?: LastUse) {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    role: key.role,
    groups: key.groups ? [...key.groups] : null,
    created_at: key.createdAt,
    created_by: key.createdBy,
    person: standing?.person?.user ?? null,
    effective_role: standing && standing.ended === null ? standing.role : null,
    ended_reason: standing?.ended ?? null,
    expires_at: key.expiresAt,
    last_used_at: use?.at ?? null,
    last_used_from: use?.clientAddress ?? null,
    revoked: key.revoked,
  };
}

export function presentConsoleSession(session: SessionRecord, use: LastUse | undefined, caller: Identity) {
  return {
    id: session.id,
    user_id: session.userId,
    created_at: session.createdAt,
    expires_at: session.expiresAt,
    client_address: session.clientAddress,
    device: session.userAgent,
    last_used_at: use?.at ?? session.createdAt,
    last_used_from: use?.clientAddress ?? session.clientAddress,
    reauthenticated_at: session.reauthenticatedAt,
    current: caller.kind === 'user' && caller.sessionId === session.id,
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
    groups: identity.kind === 'api-key' && identity.groups ? [...identity.groups] : null,
  };
}
