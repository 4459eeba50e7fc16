/**
 * Time of the simulation: events in order of (time, sequence), and the seeded randomness that everything draws from.
 *
 * Invariant: an event and all that its promises go on to do are over before the next event, so that a seed is a run.
 */

type Event = { readonly at: number; readonly sequence: number; readonly run: () => void };

export class Timeline {
  now = 0;
  /** Set by a checker that looked on from inside the code under test, where a throw would be taken for one of its errors. */
  violation: Error | null = null;
  #sequence = 0;
  readonly #heap: Event[] = [];

  at(time: number, run: () => void): void {
    this.#push({ at: Math.max(time, this.now), sequence: this.#sequence++, run });
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  /** Runs events until `done` (asked every few milliseconds) or `until`; true: `done` said so. Rejects with what a checker threw. */
  async run(until: number, done: () => boolean): Promise<boolean> {
    let askAt = this.now;
    for (let first = this.#heap[0]; first && first.at <= until; first = this.#heap[0]) {
      if (first.at >= askAt) {
        if (done()) return true;
        askAt = first.at + 3;
      }
      this.#pop();
      this.now = first.at;
      first.run();
      await settled();
      if (this.violation) throw this.violation;
    }
    this.now = until;
    return done();
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** Resolves when no promise is left that can go on by itself. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

export class Dice {
  #seed: number;

  constructor(seed: number) {
    this.#seed = Math.imul(seed, 0x9e3779b1) | 0;
  }

  /** [0, 1) */
  next(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = this.#seed;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
