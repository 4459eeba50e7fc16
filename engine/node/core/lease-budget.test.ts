import { describe, expect, it } from 'vitest';
import { checkTimings, leaseBudget } from './lease-budget';

describe('lease budget', () => {
  it('spends the default lease as specified', () => {
    expect(leaseBudget(2000)).toMatchObject({
      renewEveryMs: 250,
      cutMs: 1400,
      stopMs: 1500,
      killMs: 1800,
      driftMarginMs: 200,
    });
  });
  it.each([1000, 2000, 2500, 5000, 30_000])(
    'keeps the order cut < stop < kill < kill + drift ≤ lease at %d',
    (leaseMs) => {
      const budget = leaseBudget(leaseMs);
      expect(budget.renewEveryMs * 4).toBeLessThanOrEqual(budget.cutMs);
      expect(budget.cutMs).toBeLessThan(budget.stopMs);
      expect(budget.stopMs).toBeLessThan(budget.killMs);
      expect(budget.killMs + budget.driftMarginMs).toBeLessThanOrEqual(leaseMs);
    },
  );
  it.each([
    [{ heartbeatIntervalMs: 100, electionTimeoutMs: 500, leaseMs: 2000 }, []],
    [{ heartbeatIntervalMs: 126, electionTimeoutMs: 500, leaseMs: 2000 }, ['election-at-least-four-heartbeats']],
    [{ heartbeatIntervalMs: 100, electionTimeoutMs: 1001, leaseMs: 2000 }, ['lease-at-least-two-elections']],
    [{ heartbeatIntervalMs: 50, electionTimeoutMs: 200, leaseMs: 800 }, ['lease-leaves-time-to-stop']],
    [
      { heartbeatIntervalMs: 100, electionTimeoutMs: 500, leaseMs: 2000, stopTimeMs: 1400 },
      ['lease-leaves-time-to-stop'],
    ],
    [
      { heartbeatIntervalMs: 500, electionTimeoutMs: 600, leaseMs: 500 },
      ['election-at-least-four-heartbeats', 'lease-at-least-two-elections', 'lease-leaves-time-to-stop'],
    ],
  ])('checks the bounds of %j', (timings, rules) => {
    expect(checkTimings(timings).map((reason) => reason.rule)).toEqual(rules);
  });
});
