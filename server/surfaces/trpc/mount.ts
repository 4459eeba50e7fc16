/** tRPC over HTTP and WebSocket for the console's pages. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import type { WebSocketServer } from 'ws';
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
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://console').pathname.slice(trpcPath.length + 1));
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
