import { describe, expect, it } from 'vitest';
import { Distribution } from './distribution';
import { type FaultName, faults, type Suite } from './faults';
import { fileKinds } from './file-kinds';
import { runGroup } from './simulation';

/** Small numbers here; the soak (`soak.ts`) runs thousands. */
const runsPerSuite = 5;
const suites: readonly Suite[] = ['lease', 'promise', 'voter-set', 'all'];

describe('simulated group, the product’s own agents', () => {
  const all = new Distribution();
  it.each(suites)('%s: nothing is lost, nobody overlaps, everything heals', { timeout: 120_000 }, async (suite) => {
    const distribution = new Distribution();
    for (let seed = 1; seed <= runsPerSuite; seed++) {
      const result = await runGroup({ seed, suite });
      expect(
        result.violations,
        `replay: npm run simulate -- --group --runs 1 --suite ${suite} --from-seed ${seed}`,
      ).toEqual([]);
      distribution.add(result);
      all.add(result);
    }
    console.log(`${suite}: ${distribution.counting} of ${distribution.runs} runs count\n${distribution.text()}`);
    expect(distribution.counting).toBeGreaterThanOrEqual(runsPerSuite * 0.4);
  });

  it('every fault and every rare path fired', { timeout: 120_000 }, async () => {
    const missing = () => (Object.keys(faults) as FaultName[]).filter((name) => all.fired(name) === 0);
    // What the few seeds above did not draw is aimed at.
    for (let seed = 1; missing().length > 0 && seed <= 15; seed++) {
      const aim = { faults: missing().slice(0, 1), mode: 'semi_synchronous', members: 3 } as const;
      const result = await runGroup({ seed, suite: 'all', aim });
      expect(result.violations, `${aim.faults[0]}, seed ${seed}`).toEqual([]);
      all.add(result);
    }
    expect(missing()).toEqual([]);
    for (const path of [
      'guardian stopped the server',
      'backends survived their postmaster',
      'power cut in a durable write',
      'base backup',
      'a planned stop died on its way',
    ])
      expect(all.fired(path), path).toBeGreaterThan(0);
  });

  it('every kind of durable file is torn and finds the disk full', { timeout: 300_000 }, async () => {
    const aimed = new Distribution();
    const wanted = fileKinds.flatMap((kind) => [`power cut in a write: ${kind}`, `disk full in a write: ${kind}`]);
    const missing = () => wanted.filter((name) => aimed.fired(name) === 0);
    for (let seed = 1; missing().length > 0 && seed <= 60; seed++) {
      const result = await runGroup({ seed, suite: 'all', aim: { faults: ['power cut in a write', 'disk full'] } });
      expect(result.violations, `seed ${seed}`).toEqual([]);
      aimed.add(result);
    }
    expect(missing()).toEqual([]);
  });

  it('a disk is lost by a voter, not by the primary that it became meanwhile', { timeout: 60_000 }, async () => {
    expect((await runGroup({ seed: 702159, suite: 'all' })).violations).toEqual([]);
  });

  it('equal seeds give equal runs', { timeout: 60_000 }, async () => {
    expect(await runGroup({ seed: 4, suite: 'all' })).toEqual(await runGroup({ seed: 4, suite: 'all' }));
  });
});
