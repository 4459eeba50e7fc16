/**
 * WebSocket upgrades: who may, to which server, and what happens to a socket whose caller lost its right. Sockets are kept so that the
 * process can end them.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { GraphQLSchema } from 'graphql';
import { type WebSocket, WebSocketServer } from 'ws';
import { ClusterError, errorTable } from '@/engine/kernel/errors';
import type { Identity } from '@/server/auth/api';
import { requireRole } from '@/server/auth/authorise';
import { engineFor } from '@/server/auth/scoped-engine';
import { errorBody, toClusterError } from '@/server/errors/wire';
import { clientAddressOf, describedRequest, requestIdOf, type Services } from './calls';
import { type Channel, channels } from './events/channels';
import { serveEventSocket } from './events/websocket';
import { serveGraphqlSockets } from './graphql/websocket';
import { identifyCaller } from './identify-caller';
import { recordBreakGlass } from './invoke';
import { refusalHeaders } from './rest/send';
import { securityHeaders } from './security-headers';
import { Strangers } from './strangers';
import { type Opener, serveTrpcSockets, trpcPath } from './trpc/mount';

const maxPayloadBytes = 256 * 1024;
const maxSockets = 2000;
const pingMs = 20_000;
/** A socket that lets this much wait is cut: it may come back and resume. Event sockets leave events out long before. */
const maxBufferedBytes = 16 * 1024 * 1024;
const bufferLookMs = 1000;

export class Sockets {
  readonly #trpc = new WebSocketServer({ noServer: true, maxPayload: maxPayloadBytes });
  readonly #graphql = new WebSocketServer({
    noServer: true,
    maxPayload: maxPayloadBytes,
    handleProtocols: (offered) => (offered.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
  });
  readonly #events = new WebSocketServer({ noServer: true, maxPayload: maxPayloadBytes });
  readonly #open = new Set<WebSocket>();
  readonly #strangers = new Strangers<WebSocket>();
  readonly #openers = new WeakMap<IncomingMessage, Opener>();
  readonly #stopTrpc: { broadcastReconnectNotification(): void };
  readonly #bufferLook: ReturnType<typeof setInterval>;
  readonly #stopGraphql: { dispose(): void | Promise<void> };

  constructor(
    private readonly services: Services,
    schema: GraphQLSchema,
  ) {
    for (const server of [this.#trpc, this.#graphql, this.#events]) server.on('wsClientError', refuseHandshake);
    this.#stopTrpc = serveTrpcSockets(services, this.#trpc, (request) => this.#openers.get(request)!);
    this.#stopGraphql = serveGraphqlSockets(services, schema, this.#graphql, (client, headers, identity) => {
      this.#strangers.remove(client);
      this.#endWithRight(client, headers, identity);
    });
    this.#bufferLook = setInterval(() => this.#cutSlow(), bufferLookMs).unref();
  }

  #cutSlow(): void {
    for (const client of this.#open) if (client.bufferedAmount > maxBufferedBytes) client.terminate();
  }

  get count(): number {
    return this.#open.size;
  }

  /** False: not one of ours. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    // Not through URL, which throws at some of what anybody may send: here nothing catches.
    const pathname = (request.url ?? '/').split('?', 1)[0]!;
    const channel = channels.find((one) => one.path === pathname);
    const server = channel
      ? this.#events
      : pathname === '/graphql'
        ? this.#graphql
        : pathname === trpcPath
          ? this.#trpc
          : null;
    socket.on('error', () => socket.destroy());
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      const refusal = new ClusterError('INVALID_INPUT', 'Upgrade: only to websocket; send the call without the header');
      refuseUpgrade(socket, refusal, requestIdOf(request.headers));
      return true;
    }
    if (server === null && !pathname.startsWith('/api/')) return false;
    void this.#admit(request, socket, head, server, channel ?? null);
    return true;
  }

  async #admit(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    server: WebSocketServer | null,
    channel: Channel | null,
  ): Promise<void> {
    const requestId = requestIdOf(request.headers);
    try {
      if (server === null) throw new ClusterError('NOT_FOUND', `No such WebSocket: ${request.url}`);
      if (this.#open.size >= maxSockets)
        throw new ClusterError('UNAVAILABLE', `More than ${maxSockets} sockets are open`);
      const clientAddress = clientAddressOf(request);
      const asked = { request: describedRequest(request), changes: true, surface: 'websocket', requestId } as const;
      const { identity } = await identifyCaller(this.services, { ...asked, headers: request.headers, clientAddress });
      const isStranger = identity.kind === 'anonymous';
      if (isStranger) {
        await this.services.gate.limits.consume('read', identity, clientAddress);
        this.#strangers.requireRoom(clientAddress);
      }
      // GraphQL may still send its credentials in connection_init.
      if (server !== this.#graphql) requireRole(identity, 'viewer', 'a WebSocket');
      if (channel) {
        requireKnownQuery(request.url ?? '/');
        const { gate } = this.services;
        await recordBreakGlass({ identity, clientAddress, surface: 'websocket', requestId, gate }, channel.path);
      }
      this.#openers.set(request, { identity, requestId });
      server.handleUpgrade(request, socket, head, (client) => {
        this.#keep(client);
        if (isStranger) this.#strangers.add(client, clientAddress);
        this.#endWithRight(client, request.headers, identity);
        server.emit('connection', client, request);
        if (channel) {
          const engine = engineFor(this.services.engine, identity);
          serveEventSocket(this.services, channel, client, request, { engine, identity, requestId, clientAddress });
        }
      });
    } catch (thrown) {
      refuseUpgrade(socket, toClusterError(thrown), requestId);
    }
  }

  #keep(client: WebSocket): void {
    let answered = true;
    client.on('pong', () => {
      answered = true;
    });
    client.on('error', () => client.terminate());
    const ping = setInterval(() => {
      if (!answered) return client.terminate();
      answered = false;
      client.ping();
    }, pingMs);
    this.#open.add(client);
    client.once('close', () => {
      clearInterval(ping);
      this.#open.delete(client);
      this.#strangers.remove(client);
    });
  }

  #endWithRight(client: WebSocket, headers: IncomingHttpHeaders, identity: Identity): void {
    client.once(
      'close',
      this.services.access.watch(headers, identity, () => client.close(4401, 'Sign in again')),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#bufferLook);
    this.#stopTrpc.broadcastReconnectNotification();
    await this.#stopGraphql.dispose();
    for (const client of this.#open) client.close(1001, 'The console stops');
  }

  terminate(): void {
    for (const client of this.#open) client.terminate();
  }
}

/** What is no handshake by RFC 6455: ws would answer it itself, in a form of its own. */
function refuseHandshake({ message }: Error, socket: Duplex, request: IncomingMessage): void {
  const isMethod = request.method !== 'GET';
  const error = new ClusterError(isMethod ? 'METHOD_NOT_ALLOWED' : 'INVALID_INPUT', message);
  const more: Record<string, string> = isMethod ? { Allow: 'GET' } : { 'Sec-WebSocket-Version': '13, 8' };
  refuseUpgrade(socket, error, requestIdOf(request.headers), more);
}

/** Filters are sent as messages; a parameter that is not understood would be a filter that does not filter. */
function requireKnownQuery(url: string): void {
  const search = new URLSearchParams(url.slice(url.split('?', 1)[0]!.length));
  for (const key of new Set(search.keys())) {
    const known = key === 'last_event_id';
    if (known && search.getAll(key).length === 1) continue;
    const message = known
      ? `${key}: given more than once`
      : `Unknown parameter: ${key}; known is last_event_id. Filters are sent as a message once the socket is open`;
    throw new ClusterError('INVALID_INPUT', message, { extra: { fields: [{ field: key, message }] } });
  }
}

/** An answer to a connection that Node does not answer: the same body and headers as everywhere, and the end. */
export function refuseUpgrade(
  socket: Duplex,
  error: ClusterError,
  requestId: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(errorBody(error, requestId));
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Request-Id': requestId,
    ...securityHeaders(socket instanceof TLSSocket),
    ...refusalHeaders(error),
    ...more,
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${errorTable[error.code].http} ${error.code}`, ...lines, '', body].join('\r\n'));
}
