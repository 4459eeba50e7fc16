/** Builds the context of a call from a request: who asks, from where, under which request id. Shared by all surfaces. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { ClusterError } from '@/engine/kernel/errors';
import { parseTraceparent } from '@/engine/kernel/tracing';
import type { AuditTrail } from '@/server/audit/api';
import type { AccessWatch } from '@/server/auth/access-watch';
import type { StoredAccounts } from '@/server/auth/accounts';
import type {
  AccessPolicyStore,
  ApprovalDirectory,
  Identity,
  InvitationDirectory,
  LockoutDirectory,
} from '@/server/auth/api';
import { scopeOf } from '@/server/auth/group-scope';
import type { Identifier } from '@/server/auth/identify';
import type { StoredLastUses } from '@/server/auth/last-uses';
import { clusterWide, engineFor } from '@/server/auth/scoped-engine';
import type { Sessions } from '@/server/auth/sessions';
import type { EngineClient } from '@/server/engine-client/api';
import type { ConsoleFacts, Surface } from '@/server/procedures/context';
import type { CallContext, Gate } from './call-context';
import { clientAddressOf } from './client-address';
import { identifyCaller } from './identify-caller';

export type Services = {
  readonly engine: EngineClient;
  readonly accounts: StoredAccounts;
  readonly sessions: Sessions;
  readonly uses: StoredLastUses;
  readonly lockouts: LockoutDirectory;
  readonly policy: AccessPolicyStore;
  readonly approvals: ApprovalDirectory;
  readonly invitations: InvitationDirectory;
  readonly identifier: Identifier;
  readonly access: AccessWatch;
  readonly audit: AuditTrail;
  readonly facts: ConsoleFacts;
  readonly gate: Gate;
};

const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/;
const idempotencyPattern = /^[\x21-\x7e]{1,128}$/;

/** The caller's own id where it is harmless, so that logs of both sides can be joined. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const sent = headers['x-request-id'];
  return typeof sent === 'string' && requestIdPattern.test(sent) ? sent : randomUUID();
}

export { clientAddressOf };

function idempotencyKeyOf(headers: IncomingHttpHeaders): string | null {
  const sent = headers['idempotency-key'];
  if (sent === undefined) return null;
  if (typeof sent === 'string' && idempotencyPattern.test(sent)) return sent;
  throw new ClusterError('INVALID_INPUT', 'Idempotency-Key: 1 to 128 visible ASCII characters');
}

/** Method and path; a query may hold what is nobody's business. */
export function describedRequest(request: IncomingMessage): string {
  return `${request.method} ${(request.url ?? '/').split('?', 1)[0]}`.slice(0, 200);
}

/** One for all: making one for each answer costs more than the rest of its end. */
const callEnded = new DOMException('The call has ended', 'AbortError');

/** @throws UNAUTHORIZED, FORBIDDEN (another site), INVALID_INPUT, RATE_LIMITED */
export async function callFor(
  services: Services,
  request: IncomingMessage,
  options: { readonly surface: Surface; readonly requestId: string; readonly response: ServerResponse | null },
): Promise<CallContext> {
  const { surface, requestId } = options;
  const clientAddress = clientAddressOf(request);
  const changes = (request.method !== 'GET' && request.method !== 'HEAD') || request.headers.upgrade !== undefined;
  const { identity } = await identifyCaller(services, {
    headers: request.headers,
    request: describedRequest(request),
    changes,
    surface,
    requestId,
    clientAddress,
  });
  const gone = new AbortController();
  const { response } = options;
  // `close` of the response, not of the request: a request with a body closes when it is read.
  response?.once('close', () => gone.abort(callEnded));
  return contextOf(services, identity, {
    surface,
    requestId,
    clientAddress,
    userAgent: request.headers['user-agent']?.slice(0, 200) ?? null,
    // A socket's handshake is not the call: what comes over it has no trace of its own.
    traceparent: response === null ? null : parseTraceparent(request.headers.traceparent),
    idempotencyKey: idempotencyKeyOf(request.headers),
    signal: gone.signal,
    setCookie: response === null ? null : (cookie) => response.appendHeader('Set-Cookie', cookie),
    onAccessLost: (lost) => services.access.watch(request.headers, identity, lost),
  });
}

export function contextOf(
  services: Services,
  identity: Identity,
  call: Pick<
    CallContext,
    | 'surface'
    | 'requestId'
    | 'clientAddress'
    | 'userAgent'
    | 'traceparent'
    | 'idempotencyKey'
    | 'signal'
    | 'setCookie'
    | 'onAccessLost'
  >,
): CallContext {
  const all = { ...usedByCalls(services), identity, ...call };
  if (scopeOf(identity) === null) return all;
  return {
    ...all,
    engine: engineFor(services.engine, identity),
    accounts: outOfScope('accounts'),
    sessions: outOfScope('sessions'),
    uses: outOfScope('last uses'),
    lockouts: outOfScope('lockouts'),
    policy: outOfScope('the access policy'),
    approvals: outOfScope('approvals'),
    invitations: outOfScope('invitations'),
    audit: outOfScope('the audit log'),
    // One password opens role `app` in every group.
    facts: { ...services.facts, appPassword: () => Promise.reject(clusterWide("the password of role 'app'")) },
  };
}

const used = new WeakMap<Services, Omit<Services, 'identifier' | 'access'>>();

/** What a call may use; the same for all of them. */
function usedByCalls(services: Services): Omit<Services, 'identifier' | 'access'> {
  const known = used.get(services);
  if (known) return known;
  const { identifier: _identifier, access: _access, ...rest } = services;
  used.set(services, rest);
  return rest;
}

/** In place of what has no groups: any use of it is refused. */
function outOfScope<T extends object>(what: string): T {
  return new Proxy({} as T, {
    get: () => () => Promise.reject(clusterWide(what)),
  });
}
