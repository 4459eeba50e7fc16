/** A node's own clocks: monotonic time with drift, wall time with jumps. True time is never shown to the code under test. */
import type { World } from './world';

export class Clock {
  #rate = 1;
  #baseTrue = 0;
  #baseLocal: number;
  #wallOffset = 1_700_000_000_000;

  constructor(
    private readonly world: World,
    offset: number,
  ) {
    this.#baseLocal = offset;
  }
  mono(): number {
    return this.#baseLocal + (this.world.now - this.#baseTrue) * this.#rate;
  }
  wall(): number {
    return this.mono() + this.#wallOffset;
  }
  instant(): { now: number; wall: number } {
    return { now: this.mono(), wall: this.wall() };
  }
  setRate(rate: number): void {
    this.#baseLocal = this.mono();
    this.#baseTrue = this.world.now;
    this.#rate = rate;
  }
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }
  /** True duration of `ms` on this clock, at its present rate. */
  toTrue(ms: number): number {
    return ms / this.#rate;
  }
}
