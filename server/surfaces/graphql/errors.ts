/** GraphQL's form of the one error body: code, details, time and request id stand in `extensions`. */
import { GraphQLError } from 'graphql';
import { type ClusterError, isClusterError } from '@/engine/kernel/errors';
import { errorBody, toClusterError } from '@/server/errors/wire';

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
