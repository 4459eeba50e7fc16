/**
 * The router's clocks, taken together so that a suspended machine shows as a difference between them. They are asked for every chunk that passes, and the
 * clock since boot is a file: it is read again only when something may have happened. The wall clock is the cheap hint (a suspend sets it forward by
 * what was slept); whoever steps it causes one more reading, and without any hint it is read ten times a second.
 */
import { type ClockPair, readTogether } from '../kernel/boot-clock';
import { systemLoop } from '../kernel/loop';
import type { Instant } from './core/admission';

export type RouterClocks = { readonly now: () => number; readonly boot: () => number; readonly wall: () => number };

const readAgainMs = 100;
/** Far below what counts as sleep (250 ms). */
const hintMs = 50;

export class ClockReader {
  #last: (ClockPair & { readonly wall: number }) | null = null;

  constructor(private readonly clocks: RouterClocks) {}

  read(): Instant {
    const { clocks } = this;
    const last = this.#last;
    if (last !== null) {
      const now = clocks.now();
      const passed = now - last.now;
      if (passed < readAgainMs && Math.abs(clocks.wall() - last.wall - passed) < hintMs)
        return { monotonic: now, boot: last.boot + passed };
    }
    const wall = clocks.wall();
    const { now, boot } = readTogether(clocks.now, clocks.boot);
    this.#last = { now, boot, wall };
    return { monotonic: now, boot };
  }
}

const reader = new ClockReader({ now: systemLoop.now, boot: systemLoop.bootMs, wall: systemLoop.wallMs });

export function readClocks(): Instant {
  return reader.read();
}
