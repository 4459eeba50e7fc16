/** GraphQL over HTTP: POST with JSON, GET for queries only, subscriptions as server-sent events. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { execute, type GraphQLSchema, getOperationAST, subscribe } from 'graphql';
import { createHandler, type Handler } from 'graphql-sse';
import { ClusterError, errorTable } from '@/engine/kernel/errors';
import { toClusterError } from '@/server/errors/wire';
import type { CallContext } from '../call-context';
import { callFor, type Services } from '../calls';
import { readBody } from '../rest/read-input';
import { refusalHeaders, sendError, sendJson } from '../rest/send';
import { invalidDocument, toGraphqlError } from './errors';
import { DocumentCache } from './prepare';

type Params = {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly operationName: string | undefined;
};

/** Of a request, by the GraphQL over HTTP specification; nothing is done with `extensions`. */
const bodyKeys = new Set(['query', 'variables', 'operationName', 'extensions']);

type SseContext = { readonly call: CallContext };
type SseCall = CallContext & Record<PropertyKey, unknown>;
type SseHandler = Handler<IncomingMessage, SseContext>;

export class GraphqlHttp {
  readonly #documents: DocumentCache;
  readonly #sse: SseHandler;

  constructor(
    private readonly services: Services,
    private readonly schema: GraphQLSchema,
  ) {
    this.#documents = new DocumentCache(schema);
    this.#sse = createHandler<IncomingMessage, SseContext, SseCall>({
      schema,
      // Ours: a second copy of graphql-js refuses the schema of the first.
      execute,
      subscribe,
      context: (request) => request.context.call as SseCall,
      // One stream per request: streams kept by token would be anybody's to open and nobody's to bound.
      authenticate: () => null,
      onSubscribe: (request, { query, operationName, variables }) => {
        const contextValue = request.context.call as SseCall;
        const admitted = this.#documents.admit(query, variables ?? {}, contextValue);
        // A result is known by its key `data`; undefined leaves the answer.
        if (!admitted.ok) return { data: undefined, errors: admitted.errors };
        return { schema, document: admitted.document, operationName, variableValues: variables, contextValue };
      },
      // Done by then.
      validate: () => [],
    });
  }

  async handle(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://console');
      const streams = (request.headers.accept ?? '').includes('text/event-stream');
      if (streams || url.pathname.endsWith('/stream')) {
        const call = await callFor(this.services, request, { surface: 'graphql', requestId, response });
        return await this.#stream(request, response, call, url);
      }
      if (request.method !== 'POST' && request.method !== 'GET') {
        const error = new ClusterError('METHOD_NOT_ALLOWED', 'GraphQL takes GET and POST');
        return sendError(request, response, error, requestId, { Allow: 'GET, POST' });
      }
      const context = await callFor(this.services, request, { surface: 'graphql', requestId, response });
      await this.#answer(request, response, context, url);
    } catch (thrown) {
      const error = toClusterError(thrown);
      if (error.code === 'INTERNAL') this.services.gate.logger.error({ err: thrown, requestId }, 'GraphQL call failed');
      const body = { errors: [toGraphqlError(error, requestId)] };
      sendJson(request, response, errorTable[error.code].http, body, refusalHeaders(error));
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, context: CallContext, url: URL): Promise<void> {
    const params = request.method === 'GET' ? fromSearch(url.searchParams) : await fromBody(request);
    const prepared = this.#documents.admit(params.query, params.variables, context);
    if (!prepared.ok) return sendJson(request, response, 400, { errors: prepared.errors });
    const operation = getOperationAST(prepared.document, params.operationName);
    if (!operation) throw new ClusterError('INVALID_INPUT', 'operationName: names no operation of the document');
    if (operation.operation === 'subscription') {
      throw new ClusterError('INVALID_INPUT', 'Subscriptions need a WebSocket, or Accept: text/event-stream');
    }
    if (operation.operation === 'mutation' && request.method === 'GET') {
      return sendError(
        request,
        response,
        new ClusterError('METHOD_NOT_ALLOWED', 'Mutations take POST'),
        context.requestId,
        { Allow: 'POST' },
      );
    }
    const result = await execute({
      schema: this.schema,
      document: prepared.document,
      contextValue: context,
      variableValues: params.variables,
      operationName: params.operationName,
    });
    const errors = result.errors?.map((error) =>
      error.extensions.code ? error : invalidDocument(error, context.requestId),
    );
    sendJson(request, response, 'data' in result ? 200 : 400, errors ? { ...result, errors } : result);
  }

  async #stream(request: IncomingMessage, response: ServerResponse, call: CallContext, url: URL): Promise<void> {
    if (request.method !== 'POST' && request.method !== 'GET') {
      const error = new ClusterError('METHOD_NOT_ALLOWED', 'GraphQL takes GET and POST');
      return sendError(request, response, error, call.requestId, { Allow: 'GET, POST' });
    }
    // Read by us: bounded, strict, and refused in the one form.
    const params = request.method === 'GET' ? fromSearch(url.searchParams) : await fromBody(request);
    const [body, init] = await this.#sse({
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      // Clients may accept more than one type; that it is a stream is decided by now.
      headers: { get: (key) => (key === 'accept' ? 'text/event-stream' : headerOf(request, key)) },
      raw: request,
      body: request.method === 'GET' ? null : params,
      context: { call },
    });
    response.writeHead(init.status, init.statusText, { ...init.headers, 'Cache-Control': 'no-store' });
    if (body === null || typeof body === 'string') {
      response.end(body ?? undefined);
      return;
    }
    response.once('close', () => void body.return(undefined));
    try {
      for await (const chunk of body) {
        if (!response.write(chunk)) await new Promise<void>((resolve) => onceEither(response, resolve));
        if (response.destroyed) break;
      }
    } catch (thrown) {
      // A subscription that fails while it runs has sent its headers long ago: the refusal is its last item.
      const error = toGraphqlError(thrown, call.requestId);
      response.write(`event: next\ndata: ${JSON.stringify({ errors: [error] })}\n\nevent: complete\ndata:\n\n`);
    }
    response.end();
  }
}

function onceEither(response: ServerResponse, resolve: () => void): void {
  const done = () => {
    response.off('drain', done).off('close', done);
    resolve();
  };
  response.on('drain', done).on('close', done);
}

function headerOf(request: IncomingMessage, key: string): string | undefined {
  const value = request.headers[key.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
}

async function fromBody(request: IncomingMessage): Promise<Params> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/(graphql\+)?json\s*(;|$)/i.test(type)) {
    throw new ClusterError('UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json');
  }
  let body: unknown;
  try {
    body = JSON.parse(await readBody(request));
  } catch (error) {
    if (error instanceof SyntaxError) throw new ClusterError('INVALID_INPUT', 'The body is not valid JSON');
    throw error;
  }
  const params = checked(body as Record<string, unknown> | null);
  const unknown = Object.keys(body as object).find((key) => !bodyKeys.has(key));
  if (unknown !== undefined) {
    const message = `Unknown field: ${unknown}`;
    throw new ClusterError('INVALID_INPUT', message, { extra: { fields: [{ field: unknown, message }] } });
  }
  return params;
}

function fromSearch(search: URLSearchParams): Params {
  const variables = search.get('variables');
  try {
    return checked({
      query: search.get('query'),
      operationName: search.get('operationName'),
      variables: variables === null ? null : JSON.parse(variables),
    });
  } catch (error) {
    if (error instanceof SyntaxError) throw new ClusterError('INVALID_INPUT', 'variables: not valid JSON');
    throw error;
  }
}

function checked(body: Readonly<Record<string, unknown>> | null): Params {
  if (typeof body !== 'object' || body === null || typeof body.query !== 'string') {
    throw new ClusterError('INVALID_INPUT', 'query: must be a GraphQL document');
  }
  const { variables, operationName } = body;
  if (variables !== undefined && variables !== null && (typeof variables !== 'object' || Array.isArray(variables))) {
    throw new ClusterError('INVALID_INPUT', 'variables: must be an object');
  }
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw new ClusterError('INVALID_INPUT', 'operationName: must be a string');
  }
  return {
    query: body.query,
    variables: (variables ?? {}) as Record<string, unknown>,
    operationName: (operationName as string | null) ?? undefined,
  };
}
