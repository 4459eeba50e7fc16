import { describe, expect, it } from 'vitest';
import { runMutant } from './mutant';
import { mutations } from './mutations';

/** A change of the product moves the runs of a seed: a few more are allowed than the mistake needs today. */
const runs = 25;

describe('deliberate mistakes in the simulated group', () => {
  it.each(mutations)('$name is caught ($breaks)', { timeout: 300_000 }, async (mutation) => {
    const caught = await runMutant(mutation, { suite: mutation.suite, from: mutation.from, runs });
    expect(caught, `not caught in ${runs} runs from seed ${mutation.from}`).not.toBeNull();
    expect(caught!.violations[0]).toMatch(mutation.expected);
  });

  it('has those that were missed for long', () => {
    const names = mutations.map((one) => one.name);
    for (const name of [
      'forget-promise-on-restart',
      'ignore-lease-guard',
      'lost-voter-counts',
      'stale-record-for-postgres',
    ])
      expect(names).toContain(name);
  });
});
