/** tRPC over HTTP and WebSocket for the console's pages. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import type { WebSocketServer } from 'ws';
import { ClusterError } from '@/engine/kernel/errors';
import { toClusterError } from '@/server/errors/wire';
import { callFor, clientAddressOf, contextOf, requestIdOf, type Services } from '../calls';
import { bodyLimitBytes } from '../rest/read-input';
import { sendError } from '../rest/send';
import { appRouter } from './router';

export const trpcPath = '/api/trpc';
const keepAliveMs = 15_000;

export async function handleTrpc(
  services: Services,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  try {
    const path = procedureIn(new URL(request.url ?? '/', 'http://console').pathname);
    const context = await callFor(services, request, { surface: 'trpc', requestId, response });
    await nodeHTTPRequestHandler({
      router: appRouter,
      req: request,
      res: response,
      path,
      maxBodySize: bodyLimitBytes,
      createContext: () => context,
    });
  } catch (thrown) {
    sendError(request, response, toClusterError(thrown), requestId);
  }
}

function procedureIn(pathname: string): string {
  try {
    return decodeURIComponent(pathname.slice(trpcPath.length + 1));
  } catch {
    throw new ClusterError('NOT_FOUND', `No such address: ${pathname}`);
  }
}

export function serveTrpcSockets(services: Services, server: WebSocketServer) {
  return applyWSSHandler({
    wss: server,
    router: appRouter,
    keepAlive: { enabled: true, pingMs: keepAliveMs, pongWaitMs: 10_000 },
    createContext: async ({ req, res }) => {
      const { identity } = await services.identifier.identify(req.headers);
      const gone = new AbortController();
      res.once('close', () => gone.abort());
      return contextOf(services, identity, {
        surface: 'trpc',
        requestId: requestIdOf(req.headers),
        clientAddress: clientAddressOf(req),
        idempotencyKey: null,
        signal: gone.signal,
        setCookie: null,
      });
    },
  });
}
