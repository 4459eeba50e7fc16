/**
 * What every part of the simulated group shares: time, randomness, the network with its faults, counters and the checker. Invariant kept: parts on
 * different hosts talk to each other only through `send`, so every fault of the network applies to everything.
 */
import type { Checker } from './checkers';
import { EventQueue, type Process, Random } from './event-queue';

export type Counters = {
  deliveries: number;
  faults: number;
  acknowledged: number;
  promotions: number;
  /** Of a primary that nobody could take over from. */
  restartsAlone: number;
  takeovers: number;
  /** How long nothing was acknowledged before a new primary's first write. */
  readonly takeoverWaits: number[];
  longestWaitMs: number;
  fired: Record<string, number>;
};

/** Requests that arrive late, overtaken by others: a segment of their connection was lost. */
export type Hold = {
  readonly matches: (method: string, payload: unknown, from: string, to: string) => boolean;
  readonly ms: number;
  /** True: the first one only. */
  readonly once: boolean;
  /** At the moment when it is sent. */
  readonly struck?: (to: string) => void;
};

/** From → to pairs; `router` is a host too. */
export class Network {
  readonly #cut = new Map<string, { count: number; since: number }>();
  slowUntil = 0;
  duplicates = 0;
  reorder = false;

  constructor(private readonly queue: EventQueue) {}
  cut(from: string, to: string): void {
    const key = `${from}>${to}`;
    const found = this.#cut.get(key);
    if (found) found.count++;
    else this.#cut.set(key, { count: 1, since: this.queue.now });
  }
  heal(from: string, to: string): void {
    const key = `${from}>${to}`;
    const found = this.#cut.get(key);
    if (found && --found.count <= 0) this.#cut.delete(key);
  }
  /** For how long this request is held up. */
  heldMs(method: string, payload: unknown, from: string, to: string): number {
    let ms = 0;
    for (const hold of [...this.holds]) {
      if (!hold.matches(method, payload, from, to)) continue;
      if (hold.once) this.holds.delete(hold);
      ms = Math.max(ms, hold.ms);
      hold.struck?.(to);
    }
    return ms;
  }
  healAll(): void {
    this.holds.clear();
    this.#cut.clear();
    this.late.clear();
    this.duplicates = 0;
    this.slowUntil = 0;
    this.reorder = false;
  }
  open(from: string, to: string): boolean {
    return from === to || this.#cut.size === 0 || !this.#cut.has(`${from}>${to}`);
  }
  both(a: string, b: string): boolean {
    return this.open(a, b) && this.open(b, a);
  }
  readonly holds = new Set<Hold>();
  /** What goes one way takes so much longer. */
  readonly late = new Map<string, number>();
  /** How long nothing has gone from one to the other; 0: it does. */
  cutForMs(from: string, to: string): number {
    const found = this.#cut.get(`${from}>${to}`);
    return found ? this.queue.now - found.since : 0;
  }
}

export class World {
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly network = new Network(this.queue);
  readonly counters: Counters = {
    deliveries: 0,
    faults: 0,
    acknowledged: 0,
    promotions: 0,
    restartsAlone: 0,
    takeovers: 0,
    takeoverWaits: [],
    longestWaitMs: 0,
    fired: {},
  };
  checker!: Checker;
  healed = false;
  /** For replays: what happened, one line each. */
  trace: ((line: string) => void) | null = null;
  readonly #lastArrival = new Map<string, number>();

  constructor(seed: number) {
    this.random = new Random(seed);
  }
  get now(): number {
    return this.queue.now;
  }
  note(line: string): void {
    this.trace?.(`${Math.round(this.now * 10) / 10} ${line}`);
  }
  fired(what: string): void {
    this.note(what);
    this.counters.fired[what] = (this.counters.fired[what] ?? 0) + 1;
  }
  /** Delivers to the process that lives at `to` when the message arrives; lost when the link is cut at either moment. In order, as over TCP. */
  send(from: string, to: string, receiver: () => Process | null, run: () => void, lane = '', heldMs = 0): void {
    if (!this.network.open(from, to)) return;
    const copies = from !== to && this.network.duplicates > 0 && this.random.chance(this.network.duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let delay = from === to ? 0.05 : this.random.between(0.15, 1.2);
      if (from !== to && this.now < this.network.slowUntil && this.random.chance(0.3))
        delay += this.random.between(20, 700);
      delay += this.network.late.get(`${from}>${to}`) ?? 0;
      delay += heldMs;
      if (lane !== '' && copy === 0 && heldMs === 0 && !this.network.reorder) {
        const key = `${from}>${to}>${lane}`;
        delay = Math.max(delay, (this.#lastArrival.get(key) ?? 0) - this.now);
        this.#lastArrival.set(key, this.now + delay);
      }
      this.queue.after(delay, null, () => {
        const process = receiver();
        if (process === null || !process.alive || !this.network.open(from, to)) return;
        this.counters.deliveries++;
        if (process.running) run();
        else process.defer(run);
      });
    }
  }
}
