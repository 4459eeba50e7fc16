/** Runs the simulator over a product with a deliberate mistake in it. */
import type { Suite } from './faults';
import type { Mutation } from './mutations';
import type { Aim } from './simulation';
import { bundleSimulation, SimulationWorker } from './simulation-worker';

export type Hunt = {
  readonly suite: Suite;
  readonly from: number;
  readonly runs: number;
  readonly aim?: Aim;
  readonly print?: boolean;
};
export type Caught = { readonly seed: number; readonly violations: readonly string[] };

/** The first run that a checker objected to; null: none. */
export async function runMutant(mutation: Mutation, hunt: Hunt): Promise<Caught | null> {
  const worker = new SimulationWorker(await bundleSimulation(mutation.edits));
  const { suite, print = false } = hunt;
  const aim = hunt.aim ?? mutation.aim;
  try {
    for (let seed = hunt.from; seed < hunt.from + hunt.runs; seed++) {
      const { violations } = await worker.run({ seed, suite, print, stopAtViolation: true, ...(aim && { aim }) });
      if (violations.length > 0) return { seed, violations };
    }
    return null;
  } finally {
    await worker.end();
  }
}
