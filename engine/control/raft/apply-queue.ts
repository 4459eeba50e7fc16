/**
 * What is committed, on its way into the replica: entries, installed snapshots and confirmed reads, in the order in which they were decided. Little work
 * is done at once; much of it (a long catch-up, a snapshot) in slices between which the thread is free for leases and heartbeats.
 *
 * Invariant: the order is kept, whatever is sliced; a read is answered when everything before it is in the replica.
 */
import type { Loop, Timer } from '../../kernel/loop';

/** Yields how much it has done since it last did, in characters. */
export type Work = Generator<number, void>;

/** About 2 ms of work. */
export const defaultSliceChars = 128 << 10;

export class ApplyQueue {
  #works: Work[] = [];
  #timer: Timer | null = null;
  #running = false;
  /** The most that was done in one slice; a test's measure. */
  longestSliceChars = 0;

  constructor(
    private readonly loop: Loop,
    /** Enters the shell: work must not run in the middle of another input's effects. */
    private readonly enter: (job: () => void) => void,
    private readonly sliceChars: number,
  ) {}

  get idle(): boolean {
    return this.#works.length === 0;
  }

  /** Does it now when nothing waits before it and it fits into one slice. */
  push(work: Work): void {
    this.#works.push(work);
    if (!this.#timer && !this.#running) this.#slice();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#works = [];
  }

  #slice(): void {
    this.#running = true;
    let done = 0;
    try {
      for (let work = this.#works[0]; work && done < this.sliceChars; work = this.#works[0]) {
        const step = work.next();
        if (step.done) this.#works.shift();
        else done += step.value;
      }
    } finally {
      this.#running = false;
    }
    this.longestSliceChars = Math.max(this.longestSliceChars, done);
    if (this.#works.length === 0) return;
    this.#timer = this.loop.after(0, () => {
      this.#timer = null;
      this.enter(() => this.#slice());
    });
  }
}
