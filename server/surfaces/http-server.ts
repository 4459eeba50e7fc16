/** The one HTTP server: every address to its surface, the pages last. Knows how to stop within its time. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ClusterError } from '@/engine/kernel/errors';
import type { Logger } from '@/engine/kernel/log';
import type { OidcSignIn } from '@/server/auth/oidc';
import { toClusterError } from '@/server/errors/wire';
import { requestIdOf, type Services } from './calls';
import { channels } from './events/channels';
import { sendGraphqlError } from './graphql/errors';
import { builtExplorer, explorerPath, handleExplorer, isBrowserPage } from './graphql/explorer';
import { GraphqlHttp } from './graphql/http';
import { buildGraphqlSchema } from './graphql/schema';
import { handleOidc, oidcPath } from './oidc-routes';
import { docsPath, handleDocs } from './openapi/docs';
import { readTarget } from './request-target';
import { RestAdapter } from './rest/adapter';
import { apiPrefix } from './rest/routes';
import { sendError } from './rest/send';
import { contentSecurityPolicy, securityHeaders } from './security-headers';
import { refuseUpgrade, Sockets } from './sockets';
import { handleSystem, type SystemOptions, systemPaths } from './system';
import { readTls, type TlsFiles, TlsReloader, warnBeforeEnd } from './tls-files';
import { handleTrpc, sendTrpcError, trpcPath } from './trpc/mount';

/** The pages: Next in the product, nothing in most tests. */
export type Pages = {
  handle(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
};

export type HttpServerOptions = {
  readonly services: Services;
  readonly pages: Pages | null;
  readonly oidc?: OidcSignIn | null;
  readonly system: SystemOptions;
  readonly logger: Logger;
  /** The server speaks HTTPS, and says so to browsers for good. */
  readonly tls?: TlsFiles | undefined;
  /** Where the explorer's files are; default: where the build puts them. */
  readonly explorerDirectory?: string;
};

const drainMs = 4500;
const anyMethod = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

export class ConsoleHttpServer {
  readonly server: Server;
  readonly #sockets: Sockets;
  readonly #rest: RestAdapter;
  readonly #graphql: GraphqlHttp;
  readonly #raw = new Set<Socket>();
  readonly #answering = new Set<ServerResponse>();
  readonly #tls: TlsReloader | null;
  #draining = false;
  #closing: Promise<void> | null = null;

  constructor(private readonly options: HttpServerOptions) {
    const schema = buildGraphqlSchema();
    this.#sockets = new Sockets(options.services, schema);
    this.#rest = new RestAdapter(options.services);
    this.#graphql = new GraphqlHttp(options.services, schema);
    const limits = {
      headersTimeout: 15_000,
      requestTimeout: 60_000,
      keepAliveTimeout: 65_000,
      // Node looks for what is too late only this often.
      connectionsCheckingInterval: 5000,
      // Refused by us, in the one form.
      requireHostHeader: false,
    };
    if (options.tls) {
      const { cert, key, notAfter } = readTls(options.tls);
      const server: TlsServer = createTlsServer({ ...limits, cert, key, minVersion: 'TLSv1.2' });
      this.#tls = new TlsReloader(options.tls, server, options.logger);
      this.#tls.start();
      warnBeforeEnd(notAfter, options.logger);
      this.server = server;
    } else {
      this.#tls = null;
      this.server = createServer(limits);
    }
    this.server.on('request', (request, response) => void this.#handle(request, response));
    this.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.server.on('clientError', refuseUnreadable);
    // What is expected beyond 100-continue may be ignored.
    this.server.on('checkExpectation', (request, response) => void this.#handle(request, response));
    this.server.on('connect', (request, socket) => {
      const error = new ClusterError('METHOD_NOT_ALLOWED', 'This server is no proxy');
      refuseUpgrade(socket, error, requestIdOf(request.headers), { Allow: anyMethod });
    });
    this.server.on('connection', (socket) => {
      this.#raw.add(socket);
      socket.once('close', () => this.#raw.delete(socket));
    });
  }

  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, () => {
        this.server.off('error', reject);
        const address = this.server.address();
        resolve(typeof address === 'object' && address ? address.port : port);
      });
    });
  }

  /** Takes new TLS files over, if the server has any. */
  reloadTls(): void {
    this.#tls?.reload();
  }

  /** Lets running calls end, tells sockets, and is gone after at most five seconds. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#draining = true;
    this.#tls?.stop();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const response of this.#answering) endStream(response);
    await this.#sockets.close();
    this.server.closeIdleConnections();
    const hard = setTimeout(() => {
      this.#sockets.terminate();
      for (const socket of this.#raw) socket.destroy();
    }, drainMs);
    await closed;
    clearTimeout(hard);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const requestId = requestIdOf(request.headers);
    response.setHeader('X-Request-Id', requestId);
    if (this.#draining) response.setHeader('Connection', 'close');
    const always = securityHeaders(this.options.tls !== undefined);
    for (const [name, value] of Object.entries(always)) response.setHeader(name, value);
    this.#answering.add(response);
    // A connection that was kept for more calls goes as soon as its last one is answered.
    response.once('close', () => {
      this.#answering.delete(response);
      if (this.#draining) setImmediate(() => this.server.closeIdleConnections());
    });
    const sent = request.url ?? '/';
    if (this.options.logger.isLevelEnabled('debug')) {
      response.once('close', () => {
        const ms = Math.round((performance.now() - startedAt) * 10) / 10;
        this.options.logger.debug(
          { requestId, method: request.method, path: pathIn(sent), status: response.statusCode, ms },
          'request',
        );
      });
    }
    try {
      readRequestLine(request);
      await this.#route(pathIn(request.url ?? '/'), request, response, requestId);
    } catch (thrown) {
      const error = toClusterError(thrown);
      if (error.code === 'INTERNAL') {
        this.options.logger.error({ err: thrown, requestId, path: pathIn(sent) }, 'request failed');
      }
      refuse(request, response, error, requestId);
    }
  }

  async #route(path: string, request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    const { services, system, pages } = this.options;
    if (path === '*') {
      response.writeHead(204, { Allow: anyMethod }).end();
      return;
    }
    if ((systemPaths as readonly string[]).includes(path)) {
      return handleSystem(services, system, path, request, response, requestId);
    }
    if (path === docsPath || path.startsWith(`${docsPath}/`)) {
      const host = request.headers.host ?? null;
      const policy = contentSecurityPolicy({ nonce: null, hashes: [], dev: false, host });
      response.setHeader('Content-Security-Policy', policy);
      return handleDocs(request, response, requestId);
    }
    if (path.startsWith(`${oidcPath}/`)) {
      return handleOidc(services, this.options.oidc ?? null, request, response, requestId);
    }
    if (channels.some((channel) => channel.path === path)) {
      const error = new ClusterError('INVALID_INPUT', `${path} is a WebSocket: connect with Upgrade: websocket`);
      return sendError(request, response, error, requestId);
    }
    if (path.startsWith(`${apiPrefix}/`) || path === apiPrefix) return this.#rest.handle(request, response, requestId);
    if (path === trpcPath || path.startsWith(`${trpcPath}/`)) return handleTrpc(services, request, response, requestId);
    if (path === explorerPath || path.startsWith(`${explorerPath}/`)) {
      const directory = this.options.explorerDirectory ?? builtExplorer();
      return handleExplorer(services, directory, request, response, requestId);
    }
    if (path === '/graphql' && isBrowserPage(request)) {
      response.writeHead(303, { Location: explorerPath }).end();
      return;
    }
    if (path === '/graphql' || path.startsWith('/graphql/')) return this.#graphql.handle(request, response, requestId);
    // A path that cannot be decoded is an accident inside for the pages.
    if (pages === null || path === '/api' || path.startsWith('/api/') || !isDecodable(path)) {
      return sendError(request, response, new ClusterError('NOT_FOUND', `No such address: ${path}`), requestId);
    }
    const prefix = request.headers['x-forwarded-prefix'];
    if (prefix !== undefined && prefix !== '' && prefix !== '/') {
      return sendError(request, response, new ClusterError('INVALID_INPUT', noPrefix(String(prefix))), requestId);
    }
    return pages.handle(request, response);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#draining) {
      socket.destroy();
      return;
    }
    try {
      readRequestLine(request);
    } catch (thrown) {
      refuseUpgrade(socket, toClusterError(thrown), requestIdOf(request.headers));
      return;
    }
    if (this.#sockets.upgrade(request, socket, head)) return;
    if (this.options.pages?.upgrade(request, socket, head)) return;
    refuseUpgrade(socket, new ClusterError('NOT_FOUND', 'No such WebSocket'), requestIdOf(request.headers));
  }
}

/** A page's own files are asked for from the root: below a path it would stay empty. */
function noPrefix(prefix: string): string {
  return `The pages of the console can't be served below ${prefix}. Give the console a host name (or a port) of its own at the proxy, and pass everything below / on to it`;
}

function pathIn(url: string): string {
  return url.split('?', 1)[0]!;
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** Leaves in the request what every surface can rely on. @throws INVALID_INPUT */
function readRequestLine(request: IncomingMessage): void {
  const { method = 'GET', url = '/', httpVersion, rawHeaders } = request;
  const hosts = rawHeaders.filter(
    (_value, index) => index % 2 === 1 && rawHeaders[index - 1]!.toLowerCase() === 'host',
  );
  const target = readTarget({ method, url, httpVersion, hosts });
  request.url = target.url;
  if (target.host === null) delete request.headers.host;
  else request.headers.host = target.host;
}

/** In the form of the surface that was meant. */
function refuse(request: IncomingMessage, response: ServerResponse, error: ClusterError, requestId: string): void {
  const path = pathIn(request.url ?? '/');
  const isOf = (prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
  const send = isOf('/graphql') ? sendGraphqlError : isOf(trpcPath) ? sendTrpcError : sendError;
  send(request, response, error, requestId);
}

/** A stream of events never ends by itself: it would use up the whole time for draining, and then break off. */
function endStream(response: ServerResponse): void {
  if (!String(response.getHeader('Content-Type')).startsWith('text/event-stream')) return;
  // The stream may still have an item on its way.
  response.on('error', () => {});
  response.end();
}

/** What Node could not read as a request has no id and no route yet; it is refused in the one form all the same. */
function refuseUnreadable(error: Error & { readonly code?: string }, socket: Duplex): void {
  const { _httpMessage: answer } = socket as { readonly _httpMessage?: ServerResponse | null };
  // In the middle of an answer another one would be taken for a part of it.
  if (!socket.writable || error.code === 'ECONNRESET' || answer?.headersSent) {
    socket.destroy();
    return;
  }
  refuseUpgrade(socket, unreadable(error.code), requestIdOf({}));
}

function unreadable(code: string | undefined): ClusterError {
  if (code === 'HPE_HEADER_OVERFLOW') return new ClusterError('PAYLOAD_TOO_LARGE', 'The headers are too large');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new ClusterError('REQUEST_TIMEOUT', 'The request took too long to arrive');
  return new ClusterError('INVALID_INPUT', 'The request is not valid HTTP');
}
