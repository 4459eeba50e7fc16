/** GraphQL over WebSocket (graphql-transport-ws). Who calls is known from the upgrade's headers or from connection_init. */
import type { IncomingMessage } from 'node:http';
import { type ExecutionArgs, execute, type GraphQLError, type GraphQLSchema, parse, subscribe } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import type { WebSocketServer } from 'ws';
import type { Identity } from '@/server/auth/api';
import { clientAddressOf, contextOf, requestIdOf, type Services } from '../calls';
import { DocumentCache } from './prepare';

type Extra = { readonly request: IncomingMessage; identity?: Identity; readonly gone?: AbortController };

/** Stands in for a document that is refused. */
const nothing = parse('{ __typename }');

export function serveGraphqlSockets(services: Services, schema: GraphQLSchema, server: WebSocketServer) {
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
  // biome-ignore lint/correctness/useHookAtTopLevel: graphql-ws's name, not React's
  return useServer<Record<string, unknown>, Extra>(
    {
      schema,
      // Ours: a second copy of graphql-js refuses the schema and the errors of the first.
      execute: (args: ExecutionArgs & { readonly refusals?: readonly GraphQLError[] }) =>
        args.refusals ? { errors: args.refusals } : execute(args),
      subscribe,
      async onConnect(connection) {
        const { request } = connection.extra;
        try {
          const headers = { ...request.headers, ...credentialsOf(connection.connectionParams) };
          connection.extra.identity = (await services.identifier.identify(headers)).identity;
          goneOf.set(request, new AbortController());
          return true;
        } catch {
          return false;
        }
      },
      onSubscribe: (connection, _id, { query, operationName, variables }) => {
        const contextValue = callOf(connection.extra);
        const admitted = documents.admit(query, variables ?? {}, contextValue);
        if (!admitted.ok) return { schema, document: nothing, contextValue, refusals: admitted.errors };
        return { schema, document: admitted.document, operationName, variableValues: variables, contextValue };
      },
      onClose: (connection) => goneOf.get(connection.extra.request)?.abort(),
    },
    server,
  );
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
