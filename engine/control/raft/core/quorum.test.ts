import { describe, expect, it } from 'vitest';
import { quorumSize, reachedByMajority, tally } from './quorum';

describe('quorum', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
  ])('of %i voters is %i', (voters, size) => expect(quorumSize(voters)).toBe(size));

  it('any two majorities share a voter', () => {
    for (let n = 1; n <= 5; n++) expect(2 * quorumSize(n)).toBeGreaterThan(n);
  });

  it('finds what a majority has reached, as counting one by one does', () => {
    for (let seed = 0; seed < 500; seed++) {
      const values = Array.from({ length: 1 + (seed % 5) }, (_, at) => (seed * 7 + at * 13 + ((seed * at) % 11)) % 9);
      const naive = Math.max(
        ...values.filter((candidate) => values.filter((value) => value >= candidate).length > values.length / 2),
      );
      expect(reachedByMajority(values)).toBe(naive);
    }
    expect(reachedByMajority([])).toBe(Number.NEGATIVE_INFINITY);
  });

  it.each([
    [[true, true, null], 'won'],
    [[true, null, null], 'open'],
    [[true, false, false], 'lost'],
    [[true, false, null], 'open'],
    [[true, true, false, false], 'lost'],
    [[true], 'won'],
    [[], 'lost'],
  ] as const)('tallies %j as %s', (answers, result) => expect(tally(answers)).toBe(result));
});
