import { expect, it } from 'vitest';
import { runSeed } from './run';

/** Two here; raft.sim.test.ts has more and the deliberate mistakes, the soak runs thousands. */
it.each([1, 2])('a simulated control store keeps what it committed (seed %i)', async (seed) => {
  expect((await runSeed(seed)).deliveries).toBeGreaterThan(0);
});
