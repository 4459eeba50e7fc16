import { expect, it } from 'vitest';
import { axisClock, sparkPath, thinned } from './series';

it('thins to the limit and keeps the newest', () => {
  const rows = Array.from({ length: 1000 }, (_, at) => ({ at, value: at }));
  const thin = thinned(rows, 100);
  expect(thin).toHaveLength(100);
  expect(thin.at(-1)?.at).toBe(999);
  expect(thinned(rows.slice(0, 5), 100)).toHaveLength(5);
});

it('draws a path with gaps', () => {
  expect(sparkPath([0, 10], 10, 12)).toBe('M0.0,11.0L10.0,1.0');
  expect(sparkPath([0, null, 4, 4], 9, 12).match(/M/g)).toHaveLength(2);
  expect(sparkPath([1], 10, 12)).toBe('');
  expect(sparkPath([null, null], 10, 12)).toBe('');
});

it('the axis shows seconds only where minutes would repeat', () => {
  const at = new Date(2026, 10, 23, 4, 0, 5).getTime();
  expect(axisClock(at, 90_000)).toBe('04:00:05');
  expect(axisClock(at, 3_600_000)).toBe('04:00');
});
