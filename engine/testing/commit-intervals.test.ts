import { describe, expect, it } from 'vitest';
import { CommitIntervals } from './commit-intervals';

function intervals(...commits: readonly (readonly [string, number, number, number])[]): CommitIntervals {
  const all = new CommitIntervals();
  for (const [node, timeline, sentMs, answeredMs] of commits) all.add({ node, timeline, sentMs, answeredMs });
  return all;
}

const kinds = (all: CommitIntervals) => all.findings().map((finding) => finding.kind);

describe('commit intervals', () => {
  it('accepts nodes that serve one after the other, also when the first one comes back', () => {
    const all = intervals(['a', 1, 0, 2], ['a', 1, 10, 12], ['b', 2, 20, 22], ['b', 2, 30, 31], ['a', 3, 40, 41]);
    expect(all.findings()).toEqual([]);
    expect(all.intervals.map((one) => one.commits)).toEqual([2, 2, 1]);
  });

  it('finds a commit of the old primary that was sent after the new one had answered', () => {
    const all = intervals(['a', 1, 0, 2], ['b', 2, 20, 22], ['a', 1, 23, 24]);
    expect(kinds(all)).toEqual(['overlap']);
    expect(all.violations()).toHaveLength(1);
  });

  it('finds two primaries on the same timeline', () => {
    expect(kinds(intervals(['a', 2, 0, 1], ['b', 2, 5, 6]))).toEqual(['same-timeline']);
  });

  it('does not blame an answer that a frozen machine delivered late', () => {
    const all = intervals(['a', 1, 0, 2], ['a', 1, 5, 10_000], ['b', 2, 2_000, 2_001]);
    expect(kinds(all)).toEqual(['late-answer']);
    expect(all.violations()).toEqual([]);
  });

  it('does not depend on the order in which answers are told', () => {
    expect(kinds(intervals(['a', 1, 23, 24], ['b', 2, 20, 22], ['a', 1, 0, 2]))).toEqual(['overlap']);
  });
});
