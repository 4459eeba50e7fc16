/** A subscription as server-sent events. The slow reader is bounded by the stream itself: nothing is read ahead of what it takes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorBody, toClusterError } from '@/server/errors/wire';
import type { AnyDefinition } from '@/server/procedures/definition';
import type { CallContext } from '../call-context';
import { subscribe } from '../invoke';

const heartbeatMs = 15_000;
/** A reader that takes nothing for this long is cut; it may come back with Last-Event-ID. */
const stalledMs = 30_000;

export async function serveSse(
  definition: AnyDefinition,
  input: Record<string, unknown>,
  context: CallContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const items = await subscribe(definition, input, context, context.signal);
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const closed = context.gate.metrics.streamOpened('sse');
  response.write('retry: 1000\n: connected\n\n');
  const heartbeat = setInterval(() => response.write(': alive\n\n'), heartbeatMs);
  try {
    for await (const item of items) {
      if (!response.write(frameOf(definition, item as object)) && !(await drained(response))) break;
    }
  } catch (thrown) {
    const error = toClusterError(thrown);
    response.write(`event: error\ndata: ${JSON.stringify(errorBody(error, context.requestId))}\n\n`);
  } finally {
    clearInterval(heartbeat);
    closed();
    response.end();
  }
}

const frames = new WeakMap<object, Buffer>();

/** Serialised once per item: events are the same object for every reader. */
function frameOf(definition: AnyDefinition, item: object): Buffer {
  const known = frames.get(item);
  if (known) return known;
  const id = definition.eventId?.(item);
  const frame = Buffer.from(`${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(item)}\n\n`);
  frames.set(item, frame);
  return frame;
}

/** False: gone or stalled. */
export function drained(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (ok: boolean) => {
      clearTimeout(timer);
      response.off('drain', onDrain).off('close', onClose);
      resolve(ok);
    };
    const onDrain = () => done(true);
    const onClose = () => done(false);
    const timer = setTimeout(() => {
      response.destroy();
      done(false);
    }, stalledMs);
    response.on('drain', onDrain).on('close', onClose);
  });
}
