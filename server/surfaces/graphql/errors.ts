/** GraphQL's form of the one error body: code, details, time and request id stand in `extensions`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ExecutionResult, GraphQLError } from 'graphql';
import { type ClusterError, errorTable, isClusterError } from '@/engine/kernel/errors';
import { errorBody, toClusterError } from '@/server/errors/wire';
import type { CallContext } from '../call-context';
import { headersOfRefusals } from '../refusal-headers';
import { refusalHeaders, sendJson } from '../rest/send';

/** A refusal of the whole request, before any field. */
export function sendGraphqlError(
  request: IncomingMessage,
  response: ServerResponse,
  error: ClusterError,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = { errors: [toGraphqlError(error, requestId)] };
  sendJson(request, response, errorTable[error.code].http, body, { ...refusalHeaders(error), ...headers });
}

/** What each request's fields were refused with. Not read from the result, where one refusal hides the others beside it. */
const limited = new WeakMap<CallContext, ClusterError[]>();

export function noteRefusal(context: CallContext, thrown: unknown): void {
  if (!isClusterError(thrown) || thrown.code !== 'RATE_LIMITED') return;
  const known = limited.get(context);
  if (known) known.push(thrown);
  else limited.set(context, [thrown]);
}

/** What the limits of single fields say in headers. */
export async function limitHeaders(context: CallContext): Promise<Record<string, string>> {
  if (!limited.has(context)) return {};
  // The first refusal ends the document; by the next turn those of the fields beside it are there.
  await new Promise((resolve) => setImmediate(resolve));
  return headersOfRefusals(limited.get(context) ?? []);
}

export function toGraphqlError(thrown: unknown, requestId: string): GraphQLError {
  if (thrown instanceof GraphQLError && !isClusterError(thrown.originalError)) return thrown;
  const error: ClusterError = toClusterError(thrown instanceof GraphQLError ? thrown.originalError : thrown);
  const { code, message, details, timestamp, request_id } = errorBody(error, requestId);
  const operationId = error.details.extra?.operation_id;
  return new GraphQLError(message, {
    extensions: {
      code,
      details,
      timestamp,
      request_id,
      ...(operationId === undefined ? {} : { operation_id: operationId }),
    },
  });
}

/** Syntax, validation and variables: the caller's mistake, in the one set of codes. */
export function invalidDocument(error: GraphQLError, requestId: string): GraphQLError {
  return new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    extensions: {
      code: 'INVALID_INPUT',
      details: null,
      request_id: requestId,
      timestamp: Math.floor(Date.now() / 1000),
    },
  });
}

/** What graphql-js refuses itself (a variable of another type) has no code yet. */
export function inOneForm(result: ExecutionResult, requestId: string): ExecutionResult {
  if (!result.errors) return result;
  const errors = result.errors.map((error) => (error.extensions.code ? error : invalidDocument(error, requestId)));
  return { ...result, errors };
}
