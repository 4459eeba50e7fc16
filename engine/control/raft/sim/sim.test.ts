import { describe, expect, it } from 'vitest';
import { Distribution } from './distribution';
import { faultKinds } from './faults';
import { hunt } from './mutate';
import { mutations } from './mutations';
import { runSeed, thresholds } from './run';

const runs = 30;

describe('raft simulator', () => {
  it(`finds no violation in ${runs} counting runs, and every fault really fires`, () => {
    const distribution = new Distribution();
    for (let seed = 1; distribution.counting < runs; seed++) {
      const startedAt = performance.now();
      distribution.add(runSeed(seed), performance.now() - startedAt);
    }
    console.log(distribution.print());
    const expected = [
      ...faultKinds.map((kind) => `fault: ${kind}`),
      'drop',
      'duplicate',
      'delay',
      'fsync error',
      'full disk',
      'refused copy',
      'old copy restored',
      'refused emptied',
      'crash lost unsynced write',
      'crash kept unsynced write',
      'snapshot installed',
      'grant refused under a lease',
    ];
    for (const what of expected) expect(distribution.fired.get(what) ?? 0, what).toBeGreaterThan(0);
  });

  it('repeats a run exactly from its seed', () => {
    expect(runSeed(4242)).toEqual(runSeed(4242));
  });

  it.each([
    [603, 'a voter emptied and then down, unaware of it, still counts as lost'],
    [9448, 'a grant answered after its lease was given back revives nothing'],
  ])('seed %i holds: %s', (seed) => {
    expect(runSeed(seed).counts).toBe(true);
  });

  it('counts only runs in which enough happened', () => {
    const result = runSeed(7);
    expect(result.counts).toBe(true);
    expect(result.deliveries).toBeGreaterThanOrEqual(thresholds.deliveries);
  });
});

describe('mutations of the protocol', () => {
  it.each(mutations)('$name is caught', async (mutation) => {
    const caught = await hunt(mutation, mutation.seed, 400);
    expect(caught).not.toBeNull();
  });
});
