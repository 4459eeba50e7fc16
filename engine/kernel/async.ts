/** Small asynchronous building blocks, all bounded and cancellable. */
import { ClusterError } from './errors';
import { systemLoop } from './loop';
import * as waiting from './waiting';

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

/** On this process's own loop; shells that a simulation runs wait on the loop they were given (`waiting.ts`). */
export function withTimeout<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  return waiting.withTimeout(systemLoop, promise, ms, what);
}

/** On this process's own loop, like `withTimeout`. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return waiting.delay(systemLoop, ms, signal);
}

/** On this process's own loop, like `withTimeout`. */
export function pollUntil<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: waiting.PollOptions,
): Promise<T> {
  return waiting.pollUntil(systemLoop, probe, options);
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
