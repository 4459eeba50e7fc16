/**
 * One attempt to reach a server on behalf of a client: connect, forward the start-up packet, wait for the first answer. Invariant: ends
 * exactly once; until it is `open` not a byte has gone to the client, so the client can be given to another server instead.
 */
import { connect, type Socket } from 'node:net';
import type { Target } from './core/admission';
import { decodeErrorResponse } from './core/error-response';

export type AttemptResult =
  /** The server talks (authentication): from here on it is the client's business. `socket` is paused. */
  | { readonly kind: 'open'; readonly socket: Socket; readonly first: Buffer; readonly connectMs: number }
  /** The server said no before authentication; `message` is its ErrorResponse as it came. */
  | { readonly kind: 'refused'; readonly code: string; readonly text: string; readonly message: Buffer }
  | { readonly kind: 'failed'; readonly reason: string };

const authentication = 0x52; // 'R'
const negotiateVersion = 0x76; // 'v'
const errorResponse = 0x45; // 'E'
/** A server's first message is far shorter; more without an end is no PostgreSQL server. */
const maxFirstBytes = 65_536;

export function attemptBackend(
  target: Target,
  packet: Uint8Array,
  options: {
    readonly timeoutMs: number;
    readonly keepAliveMs: number;
    readonly onResult: (result: AttemptResult) => void;
  },
): { abort(reason: string): void } {
  const startedAt = performance.now();
  const socket = connect({
    host: target.host,
    port: target.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: options.keepAliveMs,
  });
  let connectMs = 0;
  let received: Buffer = Buffer.alloc(0);
  let done = false;
  const timer = setTimeout(
    () => fail(`no answer within ${Math.round(options.timeoutMs)} ms`),
    Math.max(1, options.timeoutMs),
  );

  function finish(result: AttemptResult): void {
    if (done) return;
    done = true;
    clearTimeout(timer);
    socket.off('data', onData).off('error', onError).off('close', onClose);
    if (result.kind === 'open') socket.pause();
    else {
      socket.on('error', () => {});
      socket.destroy();
    }
    options.onResult(result);
  }
  function fail(reason: string): void {
    finish({ kind: 'failed', reason });
  }

  function onError(error: Error): void {
    fail(error.message);
  }
  function onClose(): void {
    fail('the server closed the connection');
  }
  function onData(chunk: Buffer): void {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const type = received[0];
    if (type === authentication || type === negotiateVersion) {
      finish({ kind: 'open', socket, first: received, connectMs });
    } else if (type !== errorResponse || received.length > maxFirstBytes) {
      fail('the answer is not that of a PostgreSQL server');
    } else if (received.length >= 5 && received.length > received.readUInt32BE(1)) {
      const { code, message } = decodeErrorResponse(received.subarray(5));
      finish({ kind: 'refused', code, text: message, message: received });
    }
  }
  socket.once('connect', () => {
    connectMs = performance.now() - startedAt;
    socket.write(packet);
  });
  socket.on('data', onData).on('error', onError).on('close', onClose);
  return { abort: fail };
}
