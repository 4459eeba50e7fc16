/**
 * GraphQL as server-sent events, one operation per request (the distinct connections mode of the graphql-sse protocol). Invariant: the next
 * result is asked for when the reader has taken the last one, so that a slow reader costs what one result costs.
 */
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { drained } from '../events/sse';
import { toGraphqlError } from './errors';

const heartbeatMs = 12_000;

export async function streamResults(
  response: ServerResponse,
  results: ExecutionResult | AsyncIterable<ExecutionResult>,
  requestId: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const items = iteratorOf(results);
  // Whoever left while the subscription was opened is told nothing by 'close' any more.
  if (response.destroyed) return void (await items.return?.());
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
    ...headers,
  });
  // Some browsers take the headers for there only with the first byte.
  response.write(':\n\n');
  const heartbeat = setInterval(() => response.write(':\n\n'), heartbeatMs);
  // A reader that goes while nothing happens is noticed here, not at the next item.
  response.once('close', () => void items.return?.());
  try {
    for (let item = await items.next(); !item.done; item = await items.next()) {
      if (!response.write(next(item.value)) && !(await drained(response))) return;
    }
  } catch (thrown) {
    // The headers have gone long ago: the refusal is the last item.
    if (isOpen(response)) response.write(next({ errors: [toGraphqlError(thrown, requestId)] }));
  } finally {
    clearInterval(heartbeat);
    if (isOpen(response)) response.end('event: complete\ndata:\n\n');
  }
}

async function* single(result: ExecutionResult): AsyncGenerator<ExecutionResult> {
  yield result;
}

function iteratorOf(results: ExecutionResult | AsyncIterable<ExecutionResult>): AsyncIterator<ExecutionResult> {
  return isStream(results) ? results[Symbol.asyncIterator]() : single(results);
}

export function isStream(
  results: ExecutionResult | AsyncIterable<ExecutionResult>,
): results is AsyncIterable<ExecutionResult> {
  return Symbol.asyncIterator in results;
}

function next(result: ExecutionResult): string {
  return `event: next\ndata: ${JSON.stringify(result)}\n\n`;
}

function isOpen(response: ServerResponse): boolean {
  return !response.destroyed && !response.writableEnded;
}
