/** Who asks, in the words of the engine and of the audit log. */
import type { Requester } from '@/engine/runtime/engine-api';
import type { Identity } from '@/server/auth/api';
import { isBreakGlass } from '@/server/auth/break-glass';
import type { ProcedureContext } from '../context';

export function isAdmin(identity: Identity): boolean {
  return identity.kind !== 'anonymous' && identity.role === 'admin';
}

export function actorOf(identity: Identity): string {
  if (isBreakGlass(identity)) return 'break-glass';
  return identity.kind === 'anonymous' ? 'anonymous' : `${identity.kind}:${identity.name}`;
}

export function requesterOf(context: ProcedureContext, reason?: string): Requester {
  return {
    by: actorOf(context.identity),
    reason: reason ?? null,
    requestId: context.requestId,
    admin: isAdmin(context.identity),
    traceparent: context.traceparent ?? null,
  };
}
