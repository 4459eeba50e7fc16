import { expect, it } from 'vitest';
import type { Suite } from './faults';
import { runGroup } from './simulation';

/** One of each here; group.sim.test.ts has more and the deliberate mistakes, the soak runs thousands. */
it.each(['lease', 'promise', 'voter-set', 'all'] as Suite[])(
  'a simulated group under %s faults heals',
  async (suite) => {
    const { violations } = await runGroup({ seed: 1, suite });
    expect(violations, `replay: npm run simulate -- --group --runs 1 --suite ${suite} --from-seed 1`).toEqual([]);
  },
);
