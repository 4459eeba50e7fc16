/** Requests, messages and streams of a node to itself: the same handlers and the same JSON copies as over the wire, always asynchronous. */
import { ClusterError } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { PeerIdentity, RequestOptions } from './api';
import { decode, encode, longestTimerMs, type StreamReader } from './caller';
import { type Handlers, stopOnBrokenInvariant, toClusterError } from './handlers';

export class Loopback {
  constructor(
    private readonly self: PeerIdentity,
    private readonly handlers: Handlers,
    private readonly logger: Logger,
  ) {}

  request<T>(method: string, payload: unknown, options: RequestOptions): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const body = encode(payload);
      const end = (finish: () => void) => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
        finish();
      };
      const onAbort = () => {
        end(() =>
          reject(new ClusterError('UNAVAILABLE', `${method}: the caller gave up`, { extra: { outcome: 'unknown' } })),
        );
      };
      const timer = setTimeout(
        () => {
          end(() => reject(new ClusterError('TIMEOUT', `${method}: no answer within ${options.timeoutMs} ms`)));
        },
        Math.min(options.timeoutMs, longestTimerMs),
      );
      options.signal?.addEventListener('abort', onAbort, { once: true });
      setImmediate(() => {
        if (options.signal?.aborted) return onAbort();
        Promise.resolve()
          .then(() => this.handlers.requestHandler(method, this.self)(decode(body), this.self))
          .then((value) => decode(encode(value)) as T)
          .then(
            (value) => end(() => resolve(value)),
            (error: unknown) => {
              stopOnBrokenInvariant(error);
              end(() => reject(toClusterError(error)));
            },
          );
      });
    });
  }

  send(method: string, payload: unknown): void {
    const body = encode(payload);
    setImmediate(() => {
      try {
        this.handlers.messageHandler(method, this.self)(decode(body), this.self);
      } catch (error) {
        stopOnBrokenInvariant(error);
        this.logger.warn({ err: error, method }, 'a message was not handled');
      }
    });
  }

  openStream(method: string, payload: unknown, reader: StreamReader): { close(): void } {
    const body = encode(payload);
    const stream = new AbortController();
    const end = (error: Error | null) => {
      if (stream.signal.aborted) return;
      stream.abort();
      reader.onEnd(error);
    };
    const push = (item: unknown): boolean => {
      if (stream.signal.aborted) return false;
      const text = encode(item);
      setImmediate(() => {
        if (!stream.signal.aborted) reader.onItem(decode(text));
      });
      return true;
    };
    setImmediate(() => {
      if (stream.signal.aborted) return;
      try {
        const handler = this.handlers.streamHandler(method, this.self);
        // Refused streams were never open; items come later (setImmediate), so the order is kept.
        handler(decode(body), this.self, push, stream.signal, end);
        if (!stream.signal.aborted) reader.onOpened?.();
      } catch (error) {
        end(toClusterError(error));
      }
    });
    return { close: () => queueMicrotask(() => end(null)) };
  }
}
