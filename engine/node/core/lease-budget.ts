/**
 * How a lease is spent by its holder, and which timings may be configured at all. Every other file takes its deadlines from here, so that
 * agent, guardian, router and simulator agree. Invariant kept: `killMs` plus the drift margin lies before the moment the lease may be
 * granted elsewhere, whatever `leaseMs` is.
 */
import type { Reason } from '../../kernel/errors';

export type LeaseBudget = {
  readonly leaseMs: number;
  /** A renewal is sent this often. */
  readonly renewEveryMs: number;
  /** No new session is admitted later than this after the send time of the last confirmed renewal. */
  readonly cutMs: number;
  /** PostgreSQL's immediate stop begins. */
  readonly stopMs: number;
  /** Everything that is left of the data directory gets SIGKILL. */
  readonly killMs: number;
  /** The monotonic clock and that since boot may part by this much since the last confirmed renewal: more, and the machine slept. */
  readonly driftMarginMs: number;
  /** Without an answer from the store for this long the holder also asks its voters (fail-safe). */
  readonly failSafeAfterMs: number;
};

/** At the default of 2,000 ms: renew 250, cut 1,400, stop 1,500, kill 1,800, margin 200. */
export function leaseBudget(leaseMs: number): LeaseBudget {
  return {
    leaseMs,
    renewEveryMs: Math.floor(leaseMs / 8),
    cutMs: Math.floor(leaseMs * 0.7),
    stopMs: Math.floor(leaseMs * 0.75),
    killMs: Math.floor(leaseMs * 0.9),
    driftMarginMs: Math.floor(leaseMs * 0.1),
    failSafeAfterMs: Math.floor(leaseMs / 4),
  };
}

export type Timings = {
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly leaseMs: number;
  /** Measured or assumed time an immediate stop takes; 300 ms where nothing was measured. */
  readonly stopTimeMs?: number;
};

/** Lists every bound that `timings` breaks; empty when they may be used. */
export function checkTimings(timings: Timings): readonly Reason[] {
  const { heartbeatIntervalMs, electionTimeoutMs, leaseMs } = timings;
  const budget = leaseBudget(leaseMs);
  const stopTimeMs = timings.stopTimeMs ?? 300;
  const reasons: Reason[] = [];
  if (4 * heartbeatIntervalMs > electionTimeoutMs) {
    reasons.push({
      rule: 'election-at-least-four-heartbeats',
      measured: `${electionTimeoutMs} ms`,
      limit: `≥ ${4 * heartbeatIntervalMs} ms`,
      remedy: 'Raise the election time-out or lower the heartbeat interval.',
    });
  }
  if (2 * electionTimeoutMs > leaseMs) {
    reasons.push({
      rule: 'lease-at-least-two-elections',
      measured: `${leaseMs} ms`,
      limit: `≥ ${2 * electionTimeoutMs} ms`,
      remedy: 'Raise the lease or lower the election time-out.',
    });
  }
  const least = stopTimeMs + budget.driftMarginMs + 500;
  if (leaseMs < least) {
    reasons.push({
      rule: 'lease-leaves-time-to-stop',
      measured: `${leaseMs} ms`,
      limit: `≥ ${least} ms (stop ${stopTimeMs} + drift ${budget.driftMarginMs} + 500)`,
      remedy: 'Raise the lease.',
    });
  }
  return reasons;
}
