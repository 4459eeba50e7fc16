/** GraphQL over HTTP: POST with JSON, GET for queries only, subscriptions as server-sent events. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type DocumentNode,
  type ExecutionArgs,
  execute,
  type GraphQLSchema,
  type OperationDefinitionNode,
  subscribe,
} from 'graphql';
import Negotiator from 'negotiator';
import { ClusterError } from '@/engine/kernel/errors';
import { toClusterError } from '@/server/errors/wire';
import type { CallContext } from '../call-context';
import { callFor, type Services } from '../calls';
import { readBody } from '../rest/read-input';
import { sendJson } from '../rest/send';
import { inOneForm, limitHeaders, sendGraphqlError } from './errors';
import { DocumentCache, requireOperation } from './prepare';
import { requestKeys, requireKnownKeys } from './request-keys';
import { isStream, streamResults } from './sse';

type Params = {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly operationName: string | undefined;
};

const paths = ['/graphql', '/graphql/stream'];
const streamType = 'text/event-stream';
/** A persisted query that is asked for by its hash alone; nobody here remembers any. */
const notHere = Symbol('not here');

export class GraphqlHttp {
  readonly #documents: DocumentCache;

  constructor(
    private readonly services: Services,
    private readonly schema: GraphQLSchema,
  ) {
    this.#documents = new DocumentCache(schema);
  }

  async handle(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://console');
      if (!paths.includes(url.pathname)) throw new ClusterError('NOT_FOUND', `No such address: ${url.pathname}`);
      if (request.method !== 'POST' && request.method !== 'GET') {
        throw new ClusterError('METHOD_NOT_ALLOWED', 'GraphQL takes GET and POST');
      }
      const context = await callFor(this.services, request, { surface: 'graphql', requestId, response });
      // Read by us: bounded, strict, and refused in the one form.
      const params = request.method === 'GET' ? fromSearch(url.searchParams) : await fromBody(request);
      if (params === notHere) return notPersisted(request, response);
      const form = url.pathname === '/graphql/stream' ? 'stream' : preferredForm(request);
      if (form === 'stream') await this.#stream(request, response, context, params);
      else await this.#answer(request, response, context, params);
    } catch (thrown) {
      const error = toClusterError(thrown);
      if (error.code === 'INTERNAL') this.services.gate.logger.error({ err: thrown, requestId }, 'GraphQL call failed');
      // A GET that is refused for what it is can only be a mutation.
      const allow = request.method === 'GET' ? 'POST' : 'GET, POST';
      const headers = error.code === 'METHOD_NOT_ALLOWED' ? { Allow: allow } : undefined;
      sendGraphqlError(request, response, error, requestId, headers);
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    context: CallContext,
    params: Params,
  ): Promise<void> {
    const prepared = this.#documents.admit(params.query, params.variables, context);
    if (!prepared.ok) return sendJson(request, response, 400, { errors: prepared.errors });
    if (operationOf(prepared.document, params, request).operation === 'subscription') {
      // It has one form only, so it gets that wherever the caller names it at all.
      if (preferredForm(request, true) === 'stream') return this.#stream(request, response, context, params);
      throw new ClusterError('INVALID_INPUT', 'Subscriptions need a WebSocket, or Accept: text/event-stream');
    }
    const result = inOneForm(await execute(this.#argsOf(prepared.document, params, context)), context.requestId);
    sendJson(request, response, 'data' in result ? 200 : 400, result, await limitHeaders(context));
  }

  /** A document that is refused is so in the stream: clients of this form look nowhere else. */
  async #stream(
    request: IncomingMessage,
    response: ServerResponse,
    context: CallContext,
    params: Params,
  ): Promise<void> {
    const prepared = this.#documents.admit(params.query, params.variables, context);
    if (!prepared.ok) return streamResults(response, { errors: prepared.errors }, context.requestId, {});
    const { operation } = operationOf(prepared.document, params, request);
    const args = this.#argsOf(prepared.document, params, context);
    const results = await (operation === 'subscription' ? subscribe(args) : execute(args));
    if (isStream(results)) return streamResults(response, results, context.requestId, {});
    const result = inOneForm(results, context.requestId);
    await streamResults(response, result, context.requestId, await limitHeaders(context));
  }

  #argsOf(document: DocumentNode, params: Params, contextValue: CallContext): ExecutionArgs {
    const { variables: variableValues, operationName } = params;
    return { schema: this.schema, document, contextValue, variableValues, operationName };
  }
}

/** @throws METHOD_NOT_ALLOWED for a mutation by GET, which anybody's link could make */
function operationOf(document: DocumentNode, params: Params, request: IncomingMessage): OperationDefinitionNode {
  const operation = requireOperation(document, params.operationName);
  if (operation.operation === 'mutation' && request.method === 'GET') {
    throw new ClusterError('METHOD_NOT_ALLOWED', 'Mutations take POST');
  }
  return operation;
}

/** By the caller's order and weights. `single`: whether it would take a stream, however unwillingly; `*` does not name one. */
function preferredForm(request: IncomingMessage, single = false): 'stream' | 'answer' {
  const accepted = new Negotiator(request);
  const answers = single ? [] : ['application/json', 'application/graphql-response+json'];
  const named = /\btext\/event-stream\b/i.test(request.headers.accept ?? '');
  return named && accepted.mediaType([...answers, streamType]) === streamType ? 'stream' : 'answer';
}

/** The words that clients with automatic persisted queries wait for: they then send the document. */
function notPersisted(request: IncomingMessage, response: ServerResponse): void {
  const extensions = { code: 'PERSISTED_QUERY_NOT_FOUND' };
  sendJson(request, response, 200, { errors: [{ message: 'PersistedQueryNotFound', extensions }] });
}

function asksByHash(query: unknown, extensions: unknown): boolean {
  if (query !== undefined && query !== null) return false;
  return typeof extensions === 'object' && extensions !== null && 'persistedQuery' in extensions;
}

async function fromBody(request: IncomingMessage): Promise<Params | typeof notHere> {
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
  const fields = body as Record<string, unknown> | null;
  if (asksByHash(fields?.query, fields?.extensions)) return notHere;
  const params = checked(fields);
  requireKnownKeys(Object.keys(body as object));
  return params;
}

function fromSearch(search: URLSearchParams): Params | typeof notHere {
  requireKnownKeys(search.keys());
  const twice = requestKeys.find((key) => search.getAll(key).length > 1);
  if (twice !== undefined) throw new ClusterError('INVALID_INPUT', `${twice}: given more than once`);
  const variables = search.get('variables');
  const extensions = search.get('extensions');
  try {
    if (asksByHash(search.get('query'), extensions === null ? null : JSON.parse(extensions))) return notHere;
    return checked({
      query: search.get('query'),
      operationName: search.get('operationName'),
      variables: variables === null ? null : JSON.parse(variables),
    });
  } catch (error) {
    if (error instanceof SyntaxError) throw new ClusterError('INVALID_INPUT', 'variables, extensions: not valid JSON');
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
