/**
 * What every part of the simulated group shares: time, randomness, the network with its faults, the mutation under test, counters and the checker.
 * Invariant kept: parts talk to each other only through `send`, so every fault of the network applies to everything.
 */
import type { Checker } from './checkers';
import { EventQueue, type Process, Random } from './event-queue';

/** Deliberate mistakes; each must be caught by a checker. `none` is the product. */
export type Mutation =
  | 'none'
  | 'promises-minus-one'
  | 'report-before-receiver-gone'
  | 'add-voter-in-postgres-first'
  | 'remove-voter-in-store-first'
  | 'no-barrier'
  | 'skip-epoch-in-follow'
  | 'release-before-dead'
  | 'restart-before-dead'
  | 'guardian-ignores-deadline'
  | 'restart-without-lease'
  | 'rank-by-lsn-only'
  | 'lease-from-answer'
  | 'admit-after-cut'
  | 'forget-promise-on-restart'
  | 'wiped-voter-counts'
  | 'no-names-before-promote'
  | 'ignore-lease-guard'
  | 'reuse-timeline'
  | 'fail-safe-with-a-silent-voter'
  | 'stale-record-for-postgres'
  | 'no-touch-after-restart';

export type Counters = {
  deliveries: number;
  faults: number;
  acknowledged: number;
  promotions: number;
  takeovers: number;
  fired: Record<string, number>;
};

/** From → to pairs; `router` and `client` are hosts too. */
export class Network {
  readonly #cut = new Map<string, number>();
  slowUntil = 0;
  duplicates = 0;

  cut(from: string, to: string): void {
    const key = `${from}>${to}`;
    this.#cut.set(key, (this.#cut.get(key) ?? 0) + 1);
  }
  heal(from: string, to: string): void {
    const key = `${from}>${to}`;
    const count = (this.#cut.get(key) ?? 0) - 1;
    if (count > 0) this.#cut.set(key, count);
    else this.#cut.delete(key);
  }
  healAll(): void {
    this.#cut.clear();
    this.duplicates = 0;
    this.slowUntil = 0;
  }
  open(from: string, to: string): boolean {
    return from === to || this.#cut.size === 0 || !this.#cut.has(`${from}>${to}`);
  }
  both(a: string, b: string): boolean {
    return this.open(a, b) && this.open(b, a);
  }
}

export class World {
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly network = new Network();
  readonly counters: Counters = { deliveries: 0, faults: 0, acknowledged: 0, promotions: 0, takeovers: 0, fired: {} };
  checker!: Checker;
  healed = false;
  /** For replays: what happened, one line each. */
  trace: ((line: string) => void) | null = null;

  constructor(
    seed: number,
    readonly mutation: Mutation,
  ) {
    this.random = new Random(seed);
  }
  get now(): number {
    return this.queue.now;
  }
  is(mutation: Mutation): boolean {
    return this.mutation === mutation;
  }
  note(line: string): void {
    this.trace?.(`${Math.round(this.now * 10) / 10} ${line}`);
  }
  fired(what: string): void {
    this.note(what);
    this.counters.fired[what] = (this.counters.fired[what] ?? 0) + 1;
  }
  /** Delivers to the process that lives at `to` when the message arrives; lost when the link is cut at either moment. */
  send(from: string, to: string, receiver: () => Process | null, run: () => void): void {
    if (!this.network.open(from, to)) return;
    const copies = from !== to && this.network.duplicates > 0 && this.random.chance(this.network.duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let delay = from === to ? 0.05 : this.random.between(0.2, 2);
      if (from !== to && this.now < this.network.slowUntil && this.random.chance(0.3))
        delay += this.random.between(20, 700);
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
