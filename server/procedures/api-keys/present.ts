/** API keys on the wire; hashes never leave. */
import type { ApiKeyRecord, KeyStanding, LastUse } from '@/server/auth/api';

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
