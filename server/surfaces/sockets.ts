/**
 * WebSocket upgrades: who may, to which server, and what happens to a socket whose caller lost its right. Sockets are kept so that the
 * process can end them.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLSchema } from 'graphql';
import { type WebSocket, WebSocketServer } from 'ws';
import { ClusterError, errorTable } from '@/engine/kernel/errors';
import { requireRole } from '@/server/auth/authorise';
import { requireSameSite } from '@/server/auth/identify';
import { engineFor } from '@/server/auth/scoped-engine';
import { errorBody, toClusterError } from '@/server/errors/wire';
import { clientAddressOf, requestIdOf, type Services } from './calls';
import { type Channel, channels } from './events/channels';
import { serveEventSocket } from './events/websocket';
import { serveGraphqlSockets } from './graphql/websocket';
import { recordBreakGlass } from './invoke';
import { serveTrpcSockets, trpcPath } from './trpc/mount';

const maxPayloadBytes = 256 * 1024;
const maxSockets = 2000;
/** How often a long-lived socket's caller is looked up again, whatever was heard of changes. */
const recheckMs = 10_000;
/** How often this console looks for sessions and keys that ended on another one, while sockets are open. */
const watchMs = 500;
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
  readonly #open = new Map<WebSocket, () => Promise<void>>();
  readonly #stopWatching: () => void;
  readonly #stopTrpc: { broadcastReconnectNotification(): void };
  readonly #bufferLook: ReturnType<typeof setInterval>;
  readonly #stopGraphql: { dispose(): void | Promise<void> };

  constructor(
    private readonly services: Services,
    schema: GraphQLSchema,
  ) {
    this.#stopTrpc = serveTrpcSockets(services, this.#trpc);
    this.#stopGraphql = serveGraphqlSockets(services, schema, this.#graphql);
    this.#stopWatching = this.#watchAccess();
    this.#bufferLook = setInterval(() => this.#cutSlow(), bufferLookMs).unref();
  }

  #cutSlow(): void {
    for (const client of this.#open.keys()) if (client.bufferedAmount > maxBufferedBytes) client.terminate();
  }

  get count(): number {
    return this.#open.size;
  }

  /** False: not one of ours. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const { pathname } = new URL(request.url ?? '/', 'http://console');
    const channel = channels.find((one) => one.path === pathname);
    const server = channel
      ? this.#events
      : pathname === '/graphql'
        ? this.#graphql
        : pathname === trpcPath
          ? this.#trpc
          : null;
    if (server === null && !pathname.startsWith('/api/')) return false;
    socket.on('error', () => socket.destroy());
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
      const { identity, byCookie } = await this.services.identifier.identify(request.headers);
      if (byCookie) requireSameSite(request.headers);
      // GraphQL may still send its credentials in connection_init.
      if (server !== this.#graphql) requireRole(identity, 'viewer', 'a WebSocket');
      if (channel) {
        const { gate } = this.services;
        const clientAddress = clientAddressOf(request);
        await recordBreakGlass({ identity, clientAddress, surface: 'websocket', requestId, gate }, channel.path);
      }
      server.handleUpgrade(request, socket, head, (client) => {
        this.#keep(client, request, identity.kind === 'anonymous' ? null : identity.role);
        server.emit('connection', client, request);
        if (channel) {
          const engine = engineFor(this.services.engine, identity);
          serveEventSocket(this.services, channel, client, request, { engine, identity, requestId });
        }
      });
    } catch (thrown) {
      refuse(socket, toClusterError(thrown), requestId);
    }
  }

  #keep(client: WebSocket, request: IncomingMessage, role: string | null): void {
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
    const check = async () => {
      if (role === null) return;
      const now = await this.services.identifier.identify(request.headers).catch(() => null);
      if (now === null || now.identity.kind === 'anonymous' || now.identity.role !== role) {
        client.close(4401, 'Sign in again');
      }
    };
    this.#open.set(client, check);
    const recheck = setInterval(() => void check(), recheckMs);
    client.once('close', () => {
      clearInterval(ping);
      clearInterval(recheck);
      this.#open.delete(client);
    });
  }

  /** A session or key that ended, here or on another console, ends its sockets at once. */
  #watchAccess(): () => void {
    const { accounts, sessions } = this.services;
    const recheck = () => {
      for (const check of this.#open.values()) void check();
    };
    const stops = [accounts.onChange(recheck), sessions.onChange(recheck)];
    const timer = setInterval(() => {
      if (this.#open.size === 0) return;
      // A node that does not answer now is asked again in half a second.
      void Promise.all([accounts.refresh(), sessions.refresh()]).catch(() => undefined);
    }, watchMs).unref();
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    };
  }

  async close(): Promise<void> {
    this.#stopWatching();
    clearInterval(this.#bufferLook);
    this.#stopTrpc.broadcastReconnectNotification();
    await this.#stopGraphql.dispose();
    for (const client of this.#open.keys()) client.close(1001, 'The console stops');
  }

  terminate(): void {
    for (const client of this.#open.keys()) client.terminate();
  }
}

function refuse(socket: Duplex, error: ClusterError, requestId: string): void {
  const body = JSON.stringify(errorBody(error, requestId));
  socket.end(
    [
      `HTTP/1.1 ${errorTable[error.code].http} ${error.code}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${requestId}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
