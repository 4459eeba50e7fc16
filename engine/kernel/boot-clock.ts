/**
 * Tells that the machine slept. Linux has a clock that goes on during a suspend (since boot: /proc/uptime) and one that does not (CLOCK_MONOTONIC, all our
 * deadlines); nobody sets either, so they part by exactly what was slept. The wall clock proves nothing: it is stepped by hand, by NTP and by leap seconds.
 *
 * Invariants: a step of the wall clock changes nothing here; a stall between two readings is never taken for sleep; what can not be read is no sleep.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type { BootMs, MonotonicMs } from './ids';

export type ClockPair = { readonly now: MonotonicMs; readonly boot: BootMs };

/** Readings of the two clocks that lie further apart are taken again: the process was not running in between. */
const togetherMs = 20;
const attempts = 4;

export function readTogether(monotonic: () => MonotonicMs, boot: () => BootMs): ClockPair {
  let before = monotonic();
  for (let attempt = 1; ; attempt++) {
    const sinceBoot = boot();
    const now = monotonic();
    if (now - before <= togetherMs || attempt === attempts) return { now, boot: sinceBoot };
    before = now;
  }
}

/**
 * The clock since boot, in steps of 10 ms; 8 µs a reading. Where the system has none (not Linux) or it can't be read it goes with the monotonic clock, by the
 * difference that was seen last.
 */
export class BootClock {
  #file: number | null = null;
  #aheadMs = 0;
  readonly #text = Buffer.alloc(64);

  constructor(
    private readonly monotonic: () => MonotonicMs,
    private readonly path = '/proc/uptime',
  ) {}

  read = (): BootMs => {
    const seconds = this.#seconds();
    const now = this.monotonic();
    if (seconds !== null) this.#aheadMs = seconds * 1000 - now;
    return now + this.#aheadMs;
  };

  #seconds(): number | null {
    try {
      // Kept open: a process without free file descriptors must not lose its sense of time.
      this.#file ??= openSync(this.path, 'r');
      const length = readSync(this.#file, this.#text, 0, this.#text.length, 0);
      const seconds = Number.parseFloat(this.#text.toString('latin1', 0, length));
      return Number.isFinite(seconds) ? seconds : null;
    } catch {
      this.close();
      return null;
    }
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}
