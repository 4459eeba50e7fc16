/** Sessions of the console on the wire; their tokens never leave. */
import type { Identity, LastUse, SessionRecord } from '@/server/auth/api';

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
