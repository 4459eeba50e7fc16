/**
 * The asking side of a link: requests waiting for answers, streams waiting for items. Invariants: every request ends exactly once (answer,
 * error, time-out, abort or loss of the link); after a stream's end or close none of its items is delivered.
 */
import { ClusterError, type ClusterErrorJson } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { RequestOptions } from './api';
import { type Frame, FrameError } from './frames';
import { stopOnBrokenInvariant } from './handlers';
import type { Link, SendResult } from './link';

/** setTimeout fires at once beyond this. */
export const longestTimerMs = 0x7fff_ffff;

type Pending = {
  readonly method: string;
  readonly settle: (error: ClusterError | null, value: unknown) => void;
};
export type StreamReader = {
  readonly onItem: (item: unknown) => void;
  readonly onEnd: (error: Error | null) => void;
  readonly onOpened?: () => void;
};

export function encode(payload: unknown): string {
  return payload === undefined ? '' : (JSON.stringify(payload) ?? '');
}

/** @throws FrameError */
export function decode(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    throw new FrameError('payload is not JSON');
  }
}

/** The request left this process and nobody knows whether it was executed. */
export function outcomeUnknown(message: string): ClusterError {
  return new ClusterError('UNAVAILABLE', message, { extra: { outcome: 'unknown' } });
}

export function notConnected(peer: string): ClusterError {
  return new ClusterError('UNAVAILABLE', `${peer} is not connected`, { clusterCode: 'CLU_NODE_UNREACHABLE' });
}

export function refusal(result: SendResult, peer: string, method: string): ClusterError {
  if (result === 'too_large')
    return new ClusterError('PAYLOAD_TOO_LARGE', `${method} to ${peer}: the payload exceeds one frame`);
  if (result === 'full') return new ClusterError('UNAVAILABLE', `${method} to ${peer}: the send queue is full`);
  return notConnected(peer);
}

export class Caller {
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();
  readonly #streams = new Map<number, StreamReader>();

  constructor(
    private readonly link: Link,
    private readonly logger: Logger,
  ) {}

  get waiting(): number {
    return this.#pending.size;
  }

  request<T>(method: string, payload: unknown, options: RequestOptions): Promise<T> {
    const id = this.#takeId();
    const peer = this.link.remote.name;
    return new Promise<T>((resolve, reject) => {
      if (options.signal?.aborted) return reject(aborted(method));
      const result = this.link.send({ type: 'request', id, method, body: encode(payload) }, 'queued');
      if (result !== 'accepted') return reject(refusal(result, peer, method));
      const settle = (error: ClusterError | null, value: unknown) => {
        if (!this.#pending.delete(id)) return;
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
        if (error !== null) reject(error);
        else resolve(value as T);
      };
      const timer = setTimeout(
        () => {
          settle(
            new ClusterError('TIMEOUT', `${method}: ${peer} did not answer within ${options.timeoutMs} ms`),
            undefined,
          );
        },
        Math.min(options.timeoutMs, longestTimerMs),
      );
      const onAbort = () => settle(aborted(method), undefined);
      options.signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, { method, settle });
    });
  }

  openStream(method: string, payload: unknown, reader: StreamReader): { close(): void } {
    const id = this.#takeId();
    const result = this.link.send({ type: 'streamOpen', id, method, body: encode(payload) }, 'queued');
    if (result !== 'accepted') {
      const error = refusal(result, this.link.remote.name, method);
      queueMicrotask(() => this.#guard(() => reader.onEnd(error)));
      return { close: () => undefined };
    }
    this.#streams.set(id, reader);
    return {
      close: () => {
        if (!this.#streams.delete(id)) return;
        this.link.send({ type: 'streamClose', id, method: '', body: '' }, 'control');
        queueMicrotask(() => this.#guard(() => reader.onEnd(null)));
      },
    };
  }

  /** @throws FrameError */
  accept(frame: Frame): void {
    switch (frame.type) {
      case 'response':
        this.#pending.get(frame.id)?.settle(null, decode(frame.body));
        break;
      case 'failure':
        this.#pending.get(frame.id)?.settle(toError(decode(frame.body)), undefined);
        break;
      case 'streamOpened': {
        const stream = this.#streams.get(frame.id);
        if (stream?.onOpened !== undefined) this.#guard(stream.onOpened);
        break;
      }
      case 'streamItem': {
        const stream = this.#streams.get(frame.id);
        if (stream === undefined) return;
        const item = decode(frame.body);
        this.#guard(() => stream.onItem(item));
        break;
      }
      case 'streamEnd': {
        const stream = this.#streams.get(frame.id);
        if (stream === undefined) return;
        this.#streams.delete(frame.id);
        const error = frame.body === '' ? null : toError(decode(frame.body));
        this.#guard(() => stream.onEnd(error));
        break;
      }
      default:
        throw new FrameError(`an acceptor does not send ${frame.type}`);
    }
  }

  lost(why: string): void {
    const peer = this.link.remote.name;
    for (const pending of [...this.#pending.values()]) {
      pending.settle(
        outcomeUnknown(`${pending.method}: the connection to ${peer} was lost before the answer (${why})`),
        undefined,
      );
    }
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) {
      this.#guard(() => stream.onEnd(new ClusterError('UNAVAILABLE', `the connection to ${peer} was lost (${why})`)));
    }
  }

  #takeId(): number {
    do {
      this.#nextId = this.#nextId === 0xffff_ffff ? 1 : this.#nextId + 1;
    } while (this.#pending.has(this.#nextId) || this.#streams.has(this.#nextId));
    return this.#nextId;
  }

  /** A subscriber's fault is its own: it must not take the link down. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      stopOnBrokenInvariant(error);
      this.logger.error({ err: error }, 'a stream callback threw');
    }
  }
}

function aborted(method: string): ClusterError {
  return new ClusterError('UNAVAILABLE', `${method}: the caller gave up`, { extra: { outcome: 'unknown' } });
}

function toError(json: unknown): ClusterError {
  const value = json as Partial<ClusterErrorJson> | null | undefined;
  if (typeof value !== 'object' || value === null || typeof value.code !== 'string') {
    return new ClusterError('INTERNAL', 'the peer answered with an unreadable error');
  }
  return ClusterError.fromJSON({ ...value, message: String(value.message) } as ClusterErrorJson);
}
