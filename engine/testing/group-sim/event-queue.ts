/**
 * Simulated true time: a heap of events, seeded randomness, and processes that can be frozen (SIGSTOP) or killed. After each event that reached real
 * code everything that it set going comes to rest before the next one happens. Invariant kept: equal seeds give equal runs; nothing here reads a
 * real clock.
 */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0;
    for (let n = 0; n < 4; n++) this.next();
  }
  /** mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  chance(probability: number): boolean {
    return this.next() < probability;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** One life of an operating-system process. Events of a dead one are dropped, those of a frozen one wait. */
export class Process {
  alive = true;
  #freezes = 0;
  #deferred: (() => void)[] = [];

  get frozen(): boolean {
    return this.#freezes > 0;
  }
  get running(): boolean {
    return this.alive && this.#freezes === 0;
  }
  freeze(): void {
    this.#freezes++;
  }
  /** Returns what waited; the caller schedules it. */
  thaw(): (() => void)[] {
    if (this.#freezes > 0) this.#freezes--;
    if (this.frozen) return [];
    const waiting = this.#deferred;
    this.#deferred = [];
    return waiting;
  }
  kill(): void {
    this.alive = false;
    this.#deferred = [];
  }
  defer(run: () => void): void {
    /* A socket buffer is finite: what does not fit is lost with the connection. */
    if (this.#deferred.length < 5000) this.#deferred.push(run);
  }
}

type Event = {
  readonly at: number;
  readonly sequence: number;
  readonly owner: Process | null;
  readonly run: () => void;
};

export class EventQueue {
  now = 0;
  #heap: Event[] = [];
  #sequence = 0;
  #touched = false;
  ended = false;

  after(delayMs: number, owner: Process | null, run: () => void): void {
    this.#push({ at: this.now + Math.max(0, delayMs), sequence: this.#sequence++, owner, run });
  }

  /** Real code was called or a promise of it settled: let it come to rest before the next event. */
  touch(): void {
    this.#touched = true;
  }

  /** Nothing happens any more. */
  end(): void {
    this.ended = true;
  }

  async runUntil(end: number): Promise<void> {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= end && !this.ended) {
      const event = this.#pop();
      this.now = event.at;
      if (event.owner === null) event.run();
      else if (event.owner.running) event.run();
      else if (event.owner.alive) event.owner.defer(event.run);
      if (!this.#touched) continue;
      this.#touched = false;
      await rest();
    }
    this.now = end;
  }

  thaw(process: Process): void {
    for (const run of process.thaw()) this.after(0, process, run);
  }

  #before(a: Event, b: Event): boolean {
    return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
  }
  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#before(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }
  #pop(): Event {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}

/** All microtasks that are due, and those that they make, run before the next turn of Node's own loop. */
function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
