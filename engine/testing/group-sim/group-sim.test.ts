import { describe, expect, it } from 'vitest';
import { Distribution } from './distribution';
import { type FaultName, faults, type Suite } from './faults';
import { runGroup } from './simulation';
import type { Mutation } from './world';

/** Small numbers here; the soak (`soak.ts`) runs thousands. */
const runsPerSuite = 20;

describe('simulated group', () => {
  const all = new Distribution();
  it.each<Suite>(['lease', 'promise', 'voter-set', 'all'])(
    '%s: nothing is lost, nobody overlaps, everything heals',
    (suite) => {
      const distribution = new Distribution();
      for (let seed = 1; seed <= runsPerSuite; seed++) {
        const result = runGroup({ seed, suite });
        expect(result.violations, `replay: soak.ts --runs 1 --suite ${suite} --from-seed ${seed}`).toEqual([]);
        distribution.add(result);
        all.add(result);
      }
      console.log(`${suite}: ${distribution.counting} of ${distribution.runs} runs count\n${distribution.text()}`);
      expect(distribution.counting).toBeGreaterThan(runsPerSuite * 0.8);
    },
  );
  it('every fault and every rare path fired', () => {
    const missing = (Object.keys(faults) as FaultName[]).filter((name) => all.fired(name) === 0);
    expect(missing).toEqual([]);
    for (const path of [
      'guardian stopped the server',
      'agent stopped the server',
      'backends survived their postmaster',
      'voters confirmed in place of the store',
      'promise refused under a hold',
      'restarted in place',
      'the holder took the next epoch',
      'a voter with a new disk left the set',
      'base backup',
      'planned switchover',
      'operation abandoned',
      'controller lost after journalling promises',
      'controller lost after journalling grant',
      'controller lost after journalling promote',
      'controller lost after journalling demote',
    ]) {
      expect(all.fired(path), path).toBeGreaterThan(0);
    }
  });
  it('equal seeds give equal runs', () => {
    expect(runGroup({ seed: 7, suite: 'all' })).toEqual(runGroup({ seed: 7, suite: 'all' }));
  });
});

describe('deliberate mistakes are caught', () => {
  // The last number: where the hunt begins, for mistakes that show seldom.
  it.each<[Exclude<Mutation, 'none'>, Suite, RegExp, number?]>([
    ['promises-minus-one', 'lease', /loses|acknowledged/],
    ['report-before-receiver-gone', 'promise', /loses|acknowledged/, 140],
    ['add-voter-in-postgres-first', 'all', /have it|the store says/],
    ['remove-voter-in-store-first', 'all', /the store says|have it/],
    ['no-barrier', 'lease', /have it|loses/],
    ['skip-epoch-in-follow', 'promise', /./],
    ['release-before-dead', 'all', /processes left/],
    ['restart-before-dead', 'all', /processes of its data directory/],
    ['guardian-ignores-deadline', 'lease', /acknowledge/],
    ['restart-without-lease', 'all', /without holding it|processes left/],
    ['rank-by-lsn-only', 'promise', /loses|divergence|acknowledged/],
    ['lease-from-answer', 'lease', /without holding it|after its lease|acknowledges alone/, 260],
    ['admit-after-cut', 'promise', /the router admitted/],
    ['no-names-before-promote', 'all', /does not cover/],
    ['reuse-timeline', 'voter-set', /./],
    ['fail-safe-with-a-silent-voter', 'lease', /./],
    ['no-touch-after-restart', 'voter-set', /the store says/, 3980],
  ])('%s', (mutation, suite, expected, from = 1) => {
    for (let seed = from; seed < from + 200; seed++) {
      const { violations } = runGroup({ seed, suite, mutation });
      if (violations.length === 0) continue;
      expect(violations.join('\n')).toMatch(expected);
      return;
    }
    expect.unreachable(`${mutation} was not caught`);
  });
});
