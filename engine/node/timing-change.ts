/**
 * Another heartbeat interval or election time-out, brought into force on every member without an election in between. The members hear of it one after
 * the other: a leader that already sends rarely would be deposed by a follower that still waits briefly. So each goes first to the safer half of both
 * (the shorter heartbeat, the longer time-out), and to what was configured once all have had the time to do the same.
 */
import type { Loop, Timer } from '../kernel/loop';

export type Timings = { readonly heartbeatMs: number; readonly electionMs: number; readonly leaseMs: number };

/** Every member that is not cut off has applied what its leader has within a few heartbeats. */
const settleElections = 4;

export class TimingChange {
  #inForce: Timings | null = null;
  #timer: Timer | null = null;

  constructor(
    private readonly loop: Loop,
    private readonly apply: (timings: Timings) => void,
  ) {}

  configured(next: Timings): void {
    const before = this.#inForce;
    this.#timer?.cancel();
    this.#timer = null;
    if (before === null) {
      this.#use(next);
      return;
    }
    const safe: Timings = {
      heartbeatMs: Math.min(before.heartbeatMs, next.heartbeatMs),
      electionMs: Math.max(before.electionMs, next.electionMs),
      leaseMs: next.leaseMs,
    };
    this.#use(safe);
    if (safe.heartbeatMs === next.heartbeatMs && safe.electionMs === next.electionMs) return;
    this.#timer = this.loop.after(settleElections * safe.electionMs, () => this.#use(next), 'background');
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #use(timings: Timings): void {
    this.#inForce = timings;
    this.apply(timings);
  }
}
