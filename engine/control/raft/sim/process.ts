/**
 * One life of a simulated process: its clock and its turns. Real shells get it as their loop. Whatever was begun by a life that has ended never goes on;
 * what happens to a frozen one waits for the thaw.
 *
 * Invariant: code of a process runs only in `run`, a timer, or a completion that came through here.
 */
import type { Loop, Timer } from '../../../kernel/loop';
import type { Dice, Timeline } from './events';

/** Of a node, over all its lives: it goes on from where it is, at another speed, and stands still while a virtual machine is paused. */
export class NodeClock {
  #rate = 1;
  #offset: number;
  #stoppedAt: number | null = null;

  constructor(
    private readonly timeline: Timeline,
    offset: number,
  ) {
    this.#offset = offset;
  }

  now(): number {
    return this.#stoppedAt ?? this.#offset + this.#rate * this.timeline.now;
  }

  drift(rate: number): void {
    if (this.#stoppedAt !== null) return;
    this.#offset += (this.#rate - rate) * this.timeline.now;
    this.#rate = rate;
  }

  /** Monotonic and wall clock both: nothing inside can tell afterwards. */
  stop(): void {
    this.#stoppedAt ??= this.now();
  }

  goOn(): void {
    if (this.#stoppedAt === null) return;
    this.#offset = this.#stoppedAt - this.#rate * this.timeline.now;
    this.#stoppedAt = null;
  }

  get stopped(): boolean {
    return this.#stoppedAt !== null;
  }

  trueTimeOf(local: number): number {
    return (local - this.#offset) / this.#rate;
  }
}

export class SimProcess implements Loop {
  ended = false;
  frozen = false;
  #inbox: { readonly job: () => void; readonly request: boolean }[] = [];

  constructor(
    private readonly timeline: Timeline,
    private readonly dice: Dice,
    readonly clock: NodeClock,
  ) {}

  now(): number {
    return this.clock.now();
  }

  bootMs(): number {
    return this.clock.now();
  }

  wallMs(): number {
    return this.clock.now();
  }

  random(): number {
    return this.dice.next();
  }

  after(ms: number, job: () => void): Timer {
    const timer = { cancelled: false };
    this.#wake(this.clock.now() + Math.max(0, ms), timer, job);
    return {
      cancel: () => {
        timer.cancelled = true;
      },
    };
  }

  /** A clock that changed its speed or stood still makes a timer come late, never early. */
  #wake(at: number, timer: { readonly cancelled: boolean }, job: () => void): void {
    this.timeline.at(this.clock.trueTimeOf(at) + 0.01, () =>
      this.run(() => {
        if (timer.cancelled) return;
        if (this.clock.now() < at) this.#wake(at, timer, job);
        else job();
      }),
    );
  }

  /** Now, after the thaw, or never. `request`: somebody else's question, which a thawed process may read first. */
  run(job: () => void, request = false): void {
    if (this.ended) return;
    if (this.frozen) this.#inbox.push({ job, request });
    else job();
  }

  /** What the host does for this process, `ms` of true time later. */
  later(ms: number, job: () => void): void {
    this.timeline.after(ms, () => this.run(job));
  }

  end(): void {
    this.ended = true;
    this.#inbox = [];
  }

  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    const waiting = this.#inbox;
    this.#inbox = [];
    // Timers, requests and messages that waited come in any order.
    for (let at = waiting.length - 1; at > 0; at--) {
      const other = this.dice.below(at + 1);
      [waiting[at], waiting[other]] = [waiting[other]!, waiting[at]!];
    }
    // Sometimes what others asked is read first, before the timers and messages that would tell this process how late it is.
    if (this.dice.chance(0.5)) waiting.sort((a, b) => Number(b.request) - Number(a.request));
    // Each in a turn of its own, as a real loop does.
    for (const [at, { job, request }] of waiting.entries()) {
      this.timeline.after(at * 0.001, () => this.run(job, request));
    }
  }
}
