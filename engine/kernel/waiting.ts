/**
 * What shells wait with, on the loop they were given. Invariant: nothing here knows another clock, so a simulation of the very same code decides when
 * each wait ends, and a process that is no more never wakes up.
 */
import { ClusterError } from './errors';
import type { Loop, Timer } from './loop';

export type PollOptions = {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly what: string;
  readonly signal?: AbortSignal;
};

/** The wall clock as records and journals write it. */
export function isoTime(loop: Loop): string {
  return new Date(loop.wallMs()).toISOString();
}

/** Runs `job` again and again, first after `ms`. */
export function every(loop: Loop, ms: number, job: () => void): Timer {
  let cancelled = false;
  let timer = loop.after(ms, run);
  function run() {
    timer = loop.after(ms, run);
    job();
    if (cancelled) timer.cancel();
  }
  return {
    cancel: () => {
      cancelled = true;
      timer.cancel();
    },
  };
}

/** Ends early, without an error, when `signal` is aborted. */
export function delay(loop: Loop, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = loop.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Rejects with ClusterError TIMEOUT when `promise` takes longer than `ms`; the loser keeps running but its result is dropped. */
export function withTimeout<T>(loop: Loop, promise: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = loop.after(ms, () => reject(new ClusterError('TIMEOUT', `${what} took longer than ${ms} ms`)));
    promise.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

/** Asks `probe` until it answers something other than undefined; ClusterError TIMEOUT at the deadline, naming the last error. */
export async function pollUntil<T>(
  loop: Loop,
  probe: () => Promise<T | undefined> | T | undefined,
  options: PollOptions,
): Promise<T> {
  const deadline = loop.now() + options.timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      lastError = error;
    }
    if (options.signal?.aborted) throw new ClusterError('UNAVAILABLE', `${options.what}: stopped`);
    if (loop.now() >= deadline) {
      const why = lastError instanceof Error ? ` (last error: ${lastError.message})` : '';
      throw new ClusterError('TIMEOUT', `${options.what}: not so after ${options.timeoutMs} ms${why}`);
    }
    await delay(loop, options.intervalMs, options.signal);
  }
}
