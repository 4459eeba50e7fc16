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
