/**
 * Time as shells get it from outside: a monotonic clock, the clock since boot, the wall clock and timers. The process has one real loop; a simulator gives each of its
 * processes one of its own and decides when a timer fires.
 *
 * Invariant: a cancelled timer never fires.
 */

import { BootClock } from './boot-clock';

export type Timer = { cancel(): void };

export interface Loop {
  /** Monotonic, in milliseconds; only differences mean something. */
  now(): number;
  /** Goes on while the machine sleeps, unlike `now()`; neither is ever set. Read both by `readTogether`. */
  bootMs(): number;
  /** Wall clock, milliseconds since 1970; it may be stepped by any amount at any moment. */
  wallMs(): number;
  /** Runs `job` once, `ms` from now or later. `background`: it does not keep the process alive. */
  after(ms: number, job: () => void, background?: 'background'): Timer;
  /** [0, 1), for what may differ between two runs: seeds, jitter. */
  random(): number;
}

const bootClock = new BootClock(() => performance.now());

export const systemLoop: Loop = {
  now: () => performance.now(),
  bootMs: bootClock.read,
  wallMs: () => Date.now(),
  after(ms, job, background) {
    const handle = setTimeout(job, ms);
    if (background) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  random: () => Math.random(),
};
