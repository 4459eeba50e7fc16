/**
 * The one mapping from errors to what clients see. Only ClusterErrors carry their message out; anything else is INTERNAL with a
 * request id to look up in the log, so nothing of the inside leaks.
 */
import { ClusterError, type ErrorCode, errorTable, isClusterError, type Reason } from '@/engine/kernel/errors';

export type ErrorBody = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly timestamp: number;
  readonly request_id: string;
};

export function toClusterError(error: unknown): ClusterError {
  if (isClusterError(error)) return error;
  if (error instanceof Error && error.cause !== undefined && isClusterError(error.cause)) return error.cause;
  const code = frameworkCode(error);
  if (code) return new ClusterError(code.code, code.message);
  return new ClusterError('INTERNAL', 'Something went wrong inside; the request id leads to it in the log');
}

/** tRPC refuses some calls itself (unknown procedure, wrong method, malformed batch): by the table's code, with a sentence of ours. */
function frameworkCode(error: unknown): { code: ErrorCode; message: string } | null {
  if (!(error instanceof Error) || error.name !== 'TRPCError' || !('code' in error)) return null;
  const found = Object.entries(errorTable).find(([code, row]) => row.trpc === error.code && code !== 'INTERNAL');
  if (error.cause instanceof SyntaxError) return { code: 'INVALID_INPUT', message: 'The request is not valid JSON' };
  if (error.code === 'PARSE_ERROR') return { code: 'INVALID_INPUT', message: 'The request is none that tRPC knows' };
  if (!found) return null;
  return { code: found[0] as ErrorCode, message: error.code === 'NOT_FOUND' ? 'No such procedure' : error.message };
}

export function errorBody(error: ClusterError, requestId: string, now = Date.now()): ErrorBody {
  const { clusterCode, reasons, extra } = error.details;
  const details = {
    ...(clusterCode ? { cluster_code: clusterCode } : {}),
    ...(reasons && reasons.length > 0 ? { reasons: reasons.map(presentReason) } : {}),
    ...extra,
  };
  return {
    code: error.code,
    message: error.message,
    details: Object.keys(details).length > 0 ? details : null,
    timestamp: Math.floor(now / 1000),
    request_id: requestId,
  };
}

function presentReason(reason: Reason) {
  const { rule, measured, limit, remedy, node } = reason;
  return { rule, measured, limit, remedy, ...(node === undefined ? {} : { node }) };
}
