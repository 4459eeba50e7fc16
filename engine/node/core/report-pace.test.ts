import { describe, expect, it } from 'vitest';
import { isReportDue, lookEveryMs, progressGapMs } from './report-pace';

const last = { urgent: 'primary 3', progress: '0/100', atMs: 10_000 };
const moved = { urgent: 'primary 3', progress: '0/200' };
const changed = { urgent: 'standby 4', progress: '0/100' };

describe('isReportDue', () => {
  it.each([
    ['a change that somebody may act on goes at once, also in a large cluster', changed, 10_001, 1000, true],
    ['a position that moved goes with the next look in a small cluster', moved, 10_250, 5, true],
    ['a position that moved waits in a large cluster', moved, 10_500, 1000, false],
    ['and goes after a second', moved, 11_000, 1000, true],
    ['nothing new waits', last, 10_500, 5, false],
    ['nothing new goes after a second', last, 11_000, 5, true],
  ] as const)('%s', (_, next, nowMs, nodes, due) => {
    expect(isReportDue(last, next, nowMs, nodes)).toBe(due);
  });

  it('asks of the leader at most a thousand moving reports a second, whatever the size up to a thousand nodes', () => {
    for (const nodes of [1, 5, 250, 251, 500, 1000])
      expect((nodes * 1000) / progressGapMs(nodes)).toBeLessThanOrEqual(1000);
    expect(progressGapMs(5000)).toBe(1000);
  });
});

describe('lookEveryMs', () => {
  const still = { busy: false, moves: false, settled: true };
  it.each([
    ['a primary without load', { ...still, state: 'primary' }, 500],
    ['a primary whose commits wait, or under load', { ...still, state: 'primary', busy: true }, 250],
    ['a primary whose voter set changes', { ...still, state: 'primary', settled: false }, 250],
    ['a standby on which nothing moves', { ...still, state: 'standby' }, 1_000],
    ['a standby that receives or replays', { ...still, state: 'standby', moves: true }, 500],
    ['a standby that is not where it should be', { ...still, state: 'standby', settled: false }, 250],
    ['a server that starts', { ...still, state: 'starting' }, 250],
    ['a server that nobody has looked at', { ...still, state: null }, 250],
  ] as const)('%s', (_, activity, ms) => {
    expect(lookEveryMs(activity)).toBe(ms);
  });
});
