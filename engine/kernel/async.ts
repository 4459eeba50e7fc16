/** Small asynchronous building blocks, all bounded and cancellable. */
import { ClusterError } from './errors';

export type Deferred<T> = {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
};

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((a, b) => {
    resolve = a;
    reject = b;
  });
  return { promise, resolve, reject };
}

/** Rejects with ClusterError TIMEOUT when `promise` takes longer than `ms`; the loser keeps running but its result is dropped. */
export function withTimeout<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new ClusterError('TIMEOUT', `${what} took longer than ${ms} ms`)), ms);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done, { once: true });
  });
}

export type PollOptions = {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly what: string;
  readonly signal?: AbortSignal;
};

/** Asks `probe` until it answers something other than undefined; ClusterError TIMEOUT at the deadline, naming the last error. */
export async function pollUntil<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: PollOptions,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      lastError = error;
    }
    if (options.signal?.aborted) throw new ClusterError('UNAVAILABLE', `${options.what}: stopped`);
    if (performance.now() >= deadline) {
      const why = lastError instanceof Error ? ` (last error: ${lastError.message})` : '';
      throw new ClusterError('TIMEOUT', `${options.what}: not so after ${options.timeoutMs} ms${why}`);
    }
    await delay(options.intervalMs, options.signal);
  }
}

/** Runs one job at a time, in order. At `limit` waiting jobs the next is refused with UNAVAILABLE. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(
    private readonly what: string,
    private readonly limit = 1000,
  ) {}

  run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.limit) {
      return Promise.reject(new ClusterError('UNAVAILABLE', `${this.what}: more than ${this.limit} requests wait`));
    }
    this.#waiting++;
    const result = this.#tail.then(job);
    this.#tail = result.then(
      () => void this.#waiting--,
      () => void this.#waiting--,
    );
    return result;
  }
}
