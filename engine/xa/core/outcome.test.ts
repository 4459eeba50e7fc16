import { describe, expect, it } from 'vitest';
import { Latencies } from './latencies';
import { outcomeOf } from './outcome';

describe('what becomes of a prepared branch', () => {
  const decisions = ['commit', 'abort'] as const;
  const both = [true, false];
  const times = [null, 0, 99, 100, 101];
  it('follows the decision, whatever else is known', () => {
    for (const decision of decisions)
      for (const live of both)
        for (const prepared of times)
          for (const since of times) expect(outcomeOf({ decision }, live, prepared, since)).toBe(decision);
  });
  it('waits while its transaction is undecided', () => {
    for (const prepared of times)
      for (const since of times) expect(outcomeOf(null, true, prepared, since)).toBe('wait');
  });
  it('presumes abort only of what was prepared after the oldest decision that is kept', () => {
    const of = (prepared: number | null, since: number | null) => outcomeOf(null, false, prepared, since);
    expect(times.map((prepared) => of(prepared, null))).toEqual(times.map(() => 'abort'));
    expect(times.map((prepared) => of(prepared, 100))).toEqual(['unknown', 'unknown', 'unknown', 'unknown', 'abort']);
  });
});

describe('latencies', () => {
  it('has none at first, and one value is every quantile', () => {
    const latencies = new Latencies();
    expect(latencies.quantiles()).toBeNull();
    latencies.add(1.239);
    expect(latencies.quantiles()).toEqual({ p50: 1.24, p95: 1.24, p99: 1.24, max: 1.24 });
  });
  it('keeps the last 4,096', () => {
    const latencies = new Latencies();
    for (let ms = 0; ms < 10; ms++) latencies.add(1_000_000);
    for (let ms = 1; ms <= 4_096; ms++) latencies.add(ms);
    expect(latencies.quantiles()).toEqual({ p50: 2049, p95: 3892, p99: 4056, max: 4096 });
  });
});
