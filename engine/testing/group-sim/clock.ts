/**
 * A host's own clocks: monotonic time with drift, time since boot, wall time with steps; all stopped while the machine is paused, only the monotonic one
 * while it is suspended. True time is never shown to the code under test.
 */

import type { Loop, Timer } from '../../kernel/loop';
import type { EventQueue, Process, Random } from './event-queue';

export class Clock {
  #rate = 1;
  #at = 0;
  #mono: number;
  #boot: number;
  #wall: number;
  #stopped: 'running' | 'both' | 'monotonic' = 'running';

  constructor(
    private readonly queue: EventQueue,
    offset: number,
  ) {
    this.#mono = offset;
    this.#boot = offset;
    this.#wall = 1_700_000_000_000 + offset;
  }
  #bring(): void {
    const passed = this.queue.now - this.#at;
    this.#at = this.queue.now;
    if (passed === 0) return;
    if (this.#stopped === 'running') this.#mono += passed * this.#rate;
    if (this.#stopped === 'both') return;
    this.#boot += passed * this.#rate;
    this.#wall += passed * this.#rate;
  }
  mono(): number {
    this.#bring();
    return this.#mono;
  }
  boot(): number {
    this.#bring();
    return this.#boot;
  }
  wall(): number {
    this.#bring();
    return this.#wall;
  }
  setRate(rate: number): void {
    this.#bring();
    this.#rate = rate;
  }
  jumpWall(ms: number): void {
    this.#bring();
    this.#wall += ms;
  }
  stop(which: 'both' | 'monotonic'): void {
    this.#bring();
    this.#stopped = which;
  }
  go(): void {
    this.#bring();
    this.#stopped = 'running';
  }
  /** True duration of `ms` on this clock, at its present rate. */
  toTrue(ms: number): number {
    return ms / this.#rate;
  }
}

/** One process's loop: its timers die with it, wait while it is frozen, and fire a little late as real ones do. */
export class SimLoop implements Loop {
  constructor(
    private readonly queue: EventQueue,
    private readonly chance: Random,
    private readonly clock: Clock,
    private readonly process: Process,
    private readonly failed: (error: unknown) => void,
  ) {}
  now(): number {
    return this.clock.mono();
  }
  bootMs(): number {
    return this.clock.boot();
  }
  wallMs(): number {
    return Math.floor(this.clock.wall());
  }
  random(): number {
    return this.chance.next();
  }
  after(ms: number, job: () => void): Timer {
    const due = this.clock.mono() + Math.max(1, ms);
    let cancelled = false;
    const wait = (): void => {
      const left = this.clock.toTrue(due - this.clock.mono());
      this.queue.after(left + this.chance.next() * 0.8, this.process, () => {
        if (cancelled) return;
        // The clock stood still or was slowed meanwhile.
        if (this.clock.mono() < due) return wait();
        this.queue.touch();
        try {
          job();
        } catch (error) {
          this.failed(error);
        }
      });
    };
    wait();
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  }
}
