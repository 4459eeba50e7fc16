/** tRPC over HTTP and WebSocket for the console's pages. What is refused before a procedure is refused in tRPC's form as well. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getTRPCErrorShape } from '@trpc/server';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import type { WebSocketServer } from 'ws';
import { ClusterError, errorTable } from '@/engine/kernel/errors';
import type { Identity } from '@/server/auth/api';
import { toClusterError } from '@/server/errors/wire';
import { callFor, clientAddressOf, contextOf, type Services } from '../calls';
import { headersOfRefusals } from '../refusal-headers';
import { readBody } from '../rest/read-input';
import { refusalHeaders, sendJson } from '../rest/send';
import { socketEnd } from '../socket-bounds';
import { appRouter, inRequest, toTrpc } from './router';

export type Opener = { readonly identity: Identity; readonly requestId: string };

export const trpcPath = '/api/trpc';
const keepAliveMs = 15_000;
/** Calls of one batch. The console's pages send a handful. */
const maxBatch = 100;

export async function handleTrpc(
  services: Services,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  try {
    const path = procedureIn((request.url ?? '/').split('?', 1)[0]!);
    const context = await callFor(services, request, { surface: 'trpc', requestId, response });
    const body = await bodyOf(request);
    response.setHeader('Cache-Control', 'no-store');
    await inRequest(requestId, () =>
      nodeHTTPRequestHandler({
        router: appRouter,
        // In place of the stream, which is read by now.
        req: body === null ? request : Object.assign(request, { body }),
        res: response,
        path,
        maxBatchSize: maxBatch,
        createContext: () => context,
        responseMeta: ({ errors, type }) => {
          if (errors.length === 0) return {};
          const wrongMethod = errors.some((error) => error.code === 'METHOD_NOT_SUPPORTED');
          return {
            headers: {
              // Missing where tRPC refuses a whole request.
              'Content-Type': 'application/json',
              ...headersOfRefusals(errors.map(toClusterError)),
              ...(wrongMethod ? { Allow: type === 'mutation' ? 'POST' : 'GET' } : {}),
            },
          };
        },
      }),
    );
  } catch (thrown) {
    const error = toClusterError(thrown);
    if (error.code === 'INTERNAL') services.gate.logger.error({ err: thrown, requestId }, 'tRPC call failed');
    sendTrpcError(request, response, error, requestId);
  }
}

/** A refusal of the whole request, before any procedure. */
export function sendTrpcError(
  request: IncomingMessage,
  response: ServerResponse,
  error: ClusterError,
  requestId: string,
): void {
  const about = {
    config: appRouter._def._config,
    type: 'unknown',
    path: undefined,
    input: undefined,
    ctx: undefined,
  } as const;
  const shape = inRequest(requestId, () => getTRPCErrorShape({ ...about, error: toTrpc(error) }));
  sendJson(
    request,
    response,
    errorTable[error.code].http,
    { error: shape },
    {
      ...refusalHeaders(error),
      ...(error.code === 'METHOD_NOT_ALLOWED' ? { Allow: 'GET, POST' } : {}),
    },
  );
}

/** Read by us: bounded in size and time, and only what the procedures take. Null: the method has none. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  if (request.method === 'GET' || request.method === 'HEAD') return null;
  if (request.method !== 'POST') throw new ClusterError('METHOD_NOT_ALLOWED', 'tRPC takes GET and POST');
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new ClusterError('UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json');
  }
  const text = await readBody(request);
  return text === '' ? '{}' : text;
}

function procedureIn(pathname: string): string {
  const path = decoded(pathname.slice(trpcPath.length + 1));
  if (path === null || path === '') throw new ClusterError('NOT_FOUND', `No such address: ${pathname}`);
  return path;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export function serveTrpcSockets(
  services: Services,
  server: WebSocketServer,
  /** Who opened the socket; known by then, so that the first message finds its context. */
  openedBy: (request: IncomingMessage) => Opener,
) {
  // Some messages are refused before a context is there.
  server.on('connection', (client, request) => {
    const { requestId } = openedBy(request);
    const emit = client.emit.bind(client);
    client.emit = (...event: Parameters<typeof emit>) => inRequest(requestId, () => emit(...event));
  });
  return applyWSSHandler({
    wss: server,
    router: appRouter,
    keepAlive: { enabled: true, pingMs: keepAliveMs, pongWaitMs: 10_000 },
    createContext: ({ req, res }) => {
      const { identity, requestId } = openedBy(req);
      const gone = socketEnd();
      res.once('close', () => gone.abort());
      return contextOf(services, identity, {
        surface: 'trpc',
        requestId,
        clientAddress: clientAddressOf(req),
        idempotencyKey: null,
        signal: gone.signal,
        setCookie: null,
      });
    },
  });
}
