/** GraphQL over WebSocket (graphql-transport-ws). Who calls is known from the upgrade's headers or from connection_init. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type ExecutionArgs, execute, type GraphQLError, type GraphQLSchema, parse, subscribe } from 'graphql';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer } from 'graphql-ws';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Identity } from '@/server/auth/api';
import type { CallContext } from '../call-context';
import { clientAddressOf, contextOf, describedRequest, requestIdOf, type Services } from '../calls';
import { identifyCaller } from '../identify-caller';
import { requireRoomFor, socketEnd } from '../socket-bounds';
import { inOneForm, toGraphqlError } from './errors';
import { DocumentCache, requireOperation } from './prepare';
import { requireKnownKeys } from './request-keys';
import { isStream } from './sse';

type Extra = {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  identity?: Identity;
  readonly gone?: AbortController;
};

/** As onSubscribe below makes them. */
type Args = ExecutionArgs & { readonly refusals?: readonly GraphQLError[] };

const requestIdIn = ({ contextValue }: ExecutionArgs) => (contextValue as CallContext).requestId;

/** Stands in for a document that is refused. */
const nothing = parse('{ __typename }');

export function serveGraphqlSockets(
  services: Services,
  schema: GraphQLSchema,
  server: WebSocketServer,
  /** The socket ends when these headers do not stand for the identity any more. */
  endWithRight: (socket: WebSocket, headers: IncomingHttpHeaders, identity: Identity) => void,
) {
  const documents = new DocumentCache(schema);
  const goneOf = new WeakMap<IncomingMessage, AbortController>();
  const callOf = ({ request, identity }: Extra) =>
    contextOf(services, identity ?? { kind: 'anonymous' }, {
      surface: 'graphql',
      requestId: requestIdOf(request.headers),
      clientAddress: clientAddressOf(request),
      idempotencyKey: null,
      signal: goneOf.get(request)?.signal ?? AbortSignal.abort(),
      setCookie: null,
    });
  const protocol = makeServer<Record<string, unknown>, Extra>({
    schema,
    // Ours: a second copy of graphql-js refuses the schema and the errors of the first.
    execute: async (args: Args) =>
      args.refusals ? { errors: args.refusals } : inOneForm(await execute(args), requestIdIn(args)),
    async subscribe(args) {
      const results = await subscribe(args);
      return isStream(results) ? results : inOneForm(results, requestIdIn(args));
    },
    async onConnect(connection) {
      const { request, socket } = connection.extra;
      try {
        const given = credentialsOf(connection.connectionParams);
        const headers = { ...request.headers, ...given };
        const { identity } = await identifyCaller(services, {
          headers,
          request: describedRequest(request),
          // The upgrade was; what comes in its first message no other site can send.
          changes: false,
          surface: 'graphql',
          requestId: requestIdOf(request.headers),
          clientAddress: clientAddressOf(request),
        });
        connection.extra.identity = identity;
        // What came with the upgrade is watched already.
        if (Object.keys(given).length > 0) endWithRight(socket, headers, identity);
        goneOf.set(request, socketEnd());
        return true;
      } catch {
        return false;
      }
    },
    onSubscribe: (connection, _id, payload) => {
      const { query, operationName, variables } = payload;
      const contextValue = callOf(connection.extra);
      const admitted = documents.admit(query, variables ?? {}, contextValue);
      if (!admitted.ok) return { schema, document: nothing, contextValue, refusals: admitted.errors };
      try {
        requireKnownKeys(Object.keys(payload));
        const { operation } = requireOperation(admitted.document, operationName);
        // This one stands among them already.
        if (operation === 'subscription') requireRoomFor(Object.keys(connection.subscriptions).length - 1);
      } catch (thrown) {
        const refusals = [toGraphqlError(thrown, contextValue.requestId)];
        return { schema, document: nothing, contextValue, refusals };
      }
      return { schema, document: admitted.document, operationName, variableValues: variables, contextValue };
    },
    onClose: (connection) => goneOf.get(connection.extra.request)?.abort(),
  });
  server.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    const closed = protocol.opened(
      {
        protocol: GRAPHQL_TRANSPORT_WS_PROTOCOL,
        send: (text) =>
          new Promise((resolve, reject) => {
            if (socket.readyState !== socket.OPEN) resolve();
            else socket.send(text, (error) => (error ? reject(error) : resolve()));
          }),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on('message', (data) => {
            // graphql-ws's own adapter tells such a client of an internal error, and the console's log too.
            take(data.toString()).catch((error: unknown) => {
              services.gate.logger.debug({ err: error }, 'a message over GraphQL’s WebSocket was not understood');
              socket.close(CloseCode.BadRequest, 'Invalid message');
            });
          }),
      },
      { socket, request },
    );
    socket.once('close', (code, reason) => void closed(code, reason.toString()));
  });
  return {
    dispose(): void {
      for (const client of server.clients) client.close(1001, 'The console stops');
      server.close();
    },
  };
}

/** Browsers can't set headers on a WebSocket, so connection_init may carry them. */
function credentialsOf(params: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(params ?? {})) {
    const name = key.toLowerCase();
    if (typeof value === 'string' && (name === 'authorization' || name === 'x-api-key')) found[name] = value;
  }
  return found;
}
