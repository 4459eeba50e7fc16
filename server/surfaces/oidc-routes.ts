/**
 * The two addresses that a browser is sent through to sign in with an identity provider. No procedures: they answer redirects. Both are
 * limited like signing in; the way back is audited whatever comes of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClusterError, messageOf } from '@/engine/kernel/errors';
import { OidcRefused, type OidcSignIn } from '@/server/auth/oidc';
import { toClusterError } from '@/server/errors/wire';
import { callFor, clientAddressOf, type Services } from './calls';
import { requireForceProof } from './force-gate';
import { sendError } from './rest/send';

export const oidcPath = '/api/v1/auth/oidc';

export async function handleOidc(
  services: Services,
  signIn: OidcSignIn | null,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://console');
  try {
    if (signIn === null) throw new ClusterError('NOT_FOUND', 'No identity provider is configured');
    if (request.method !== 'GET') throw new ClusterError('METHOD_NOT_ALLOWED', `${url.pathname} takes GET`);
    const clientAddress = clientAddressOf(request);
    await services.gate.limits.consume('login', { kind: 'anonymous' }, clientAddress);
    if (url.pathname === `${oidcPath}/start`) return await start(services, signIn, url, request, response, requestId);
    if (url.pathname === `${oidcPath}/callback`)
      return await callback(services, signIn, url, request, response, requestId);
    throw new ClusterError('NOT_FOUND', `No such address: ${url.pathname}`);
  } catch (thrown) {
    const error = toClusterError(thrown);
    if (error.code === 'INTERNAL') services.gate.logger.error({ err: thrown, requestId }, 'signing in failed');
    sendError(request, response, error, requestId);
  }
}

async function start(
  services: Services,
  signIn: OidcSignIn,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const wantsLink = url.searchParams.get('link') === '1';
  const call = wantsLink ? await callFor(services, request, { surface: 'rest', requestId, response }) : null;
  if (call !== null) {
    if (call.identity.kind !== 'user') throw new ClusterError('UNAUTHORIZED', 'Sign in before you link an identity');
    // Another site must not link its own identity to whoever follows its link.
    if (request.headers['sec-fetch-site'] !== undefined && request.headers['sec-fetch-site'] !== 'same-origin') {
      throw new ClusterError('FORBIDDEN', 'Linking begins on the console’s own page');
    }
    await requireForceProof(linking, {}, call);
  }
  const { location, cookie } = await signIn.begin({
    next: url.searchParams.get('next') ?? '/',
    link: call?.identity ?? null,
    again: url.searchParams.get('again') === '1',
  });
  response.appendHeader('Set-Cookie', cookie);
  response.writeHead(303, { Location: location, 'Cache-Control': 'no-store' }).end();
}

/** Enough of a procedure for the rule that asks for a recent password. */
const linking = { name: 'linking an identity', needsProof: true } as Parameters<typeof requireForceProof>[0];

async function callback(
  services: Services,
  signIn: OidcSignIn,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const startedAt = performance.now();
  const clientAddress = clientAddressOf(request);
  const userAgent = request.headers['user-agent']?.slice(0, 200) ?? null;
  const audit = async (actor: string, role: string | null, refused: string | null) => {
    const { auditWriter } = services.gate;
    const fields = { actor, role, clientAddress, surface: 'rest', requestId, procedure: 'auth.oidc', input: {} };
    const sequence = await auditWriter.intent(fields);
    await auditWriter.outcome(sequence, {
      outcome: refused === null ? 'succeeded' : 'refused',
      code: refused === null ? null : 'UNAUTHORIZED',
      message: refused,
      operationId: null,
      durationMs: Math.round(performance.now() - startedAt),
    });
  };
  let location: string;
  try {
    const done = await signIn.finish(url.search, request.headers.cookie, { clientAddress, userAgent });
    await audit(`user:${done.user.username}`, done.user.role, null);
    for (const cookie of done.cookies) response.appendHeader('Set-Cookie', cookie);
    location = done.next;
  } catch (error) {
    await audit('anonymous', null, messageOf(error));
    if (!(error instanceof OidcRefused)) throw error;
    services.gate.logger.warn({ requestId, problem: error.problem }, error.message);
    location = `/sign-in?problem=${error.problem}`;
  }
  response.writeHead(303, { Location: location, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }).end();
}
