/** Writing answers: JSON with its headers, errors in the one shape, nothing after the headers have gone. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClusterError, errorTable } from '@/engine/kernel/errors';
import { errorBody } from '@/server/errors/wire';

export function sendJson(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendText(request, response, status, JSON.stringify(body), {
    'Content-Type': 'application/json; charset=utf-8',
    ...headers,
  });
}

export function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store', ...headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}

export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: ClusterError,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(request, response, errorTable[error.code].http, errorBody(error, requestId), {
    ...refusalHeaders(error),
    ...headers,
  });
}

/** What a refusal says beside its body, whatever form the body has. */
export function refusalHeaders(error: ClusterError): Record<string, string> {
  return {
    // The rest of the body is not read; the connection can't be used again.
    ...(error.code === 'PAYLOAD_TOO_LARGE' || error.code === 'REQUEST_TIMEOUT' ? { Connection: 'close' } : {}),
    ...limitHeaders(error),
    ...(error.code === 'UNAUTHORIZED' ? { 'WWW-Authenticate': 'Bearer' } : {}),
  };
}

function limitHeaders(error: ClusterError): Record<string, string> {
  if (error.code !== 'RATE_LIMITED') return {};
  const { retry_after, limit, remaining, reset } = error.details.extra ?? {};
  return {
    'Retry-After': String(retry_after ?? 1),
    'X-RateLimit-Limit': String(limit ?? 0),
    'X-RateLimit-Remaining': String(remaining ?? 0),
    'X-RateLimit-Reset': String(reset ?? 0),
  };
}
