/**
 * Time as shells get it from outside: a monotonic clock, the wall clock and timers. The process has one real loop; a simulator gives each of its
 * processes one of its own and decides when a timer fires.
 *
 * Invariant: a cancelled timer never fires.
 */

export type Timer = { cancel(): void };

export interface Loop {
  /** Monotonic, in milliseconds; only differences mean something. */
  now(): number;
  /** Wall clock, milliseconds since 1970. */
  wallMs(): number;
  /** Runs `job` once, `ms` from now or later. `background`: it does not keep the process alive. */
  after(ms: number, job: () => void, background?: 'background'): Timer;
  /** [0, 1), for what may differ between two runs: seeds, jitter. */
  random(): number;
}

export const systemLoop: Loop = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, job, background) {
    const handle = setTimeout(job, ms);
    if (background) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  random: () => Math.random(),
};
