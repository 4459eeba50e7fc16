import { expect, it } from 'vitest';
import { timelineWasReused } from './rejoin';

const entry = (epoch: number, timeline: number, primary: string) => ({
  epoch,
  timeline,
  primary,
  startLsn: '0/0',
  at: '2026-01-01T00:00:00Z',
});
const record = { epoch: 6, timelineHistory: [entry(1, 1, 'a'), entry(3, 2, 'b')] };

it.each([
  ['the next primary took the same number', { node: 'b', lastHeldEpoch: 3, primaryTimeline: 2 }, true],
  ['the same, after it took epoch 4 without a promotion', { node: 'b', lastHeldEpoch: 4, primaryTimeline: 2 }, true],
  ['the next primary has a number of its own', { node: 'b', lastHeldEpoch: 4, primaryTimeline: 3 }, false],
  ['another reigned when it last tried', { node: 'a', lastHeldEpoch: 4, primaryTimeline: 1 }, false],
  ['it never was primary', { node: 'c', lastHeldEpoch: 0, primaryTimeline: 2 }, false],
  ['its own epoch is the newest', { node: 'b', lastHeldEpoch: 6, primaryTimeline: 2 }, false],
])('a timeline number was used twice: %s', (_what, given, reused) =>
  expect(timelineWasReused({ ...given, record })).toBe(reused),
);
