import { describe, expect, it } from 'vitest';
import { type DiskPoint, msUntilFull } from './disk-trend';

const minute = 60_000;
const line = (minutes: number, from: number, perMinute: number): DiskPoint[] =>
  Array.from({ length: minutes + 1 }, (_, index) => ({ atMs: index * minute, usedBytes: from + index * perMinute }));

describe('msUntilFull', () => {
  it('follows steady growth', () => {
    expect(msUntilFull(line(60, 400, 1), 1000)).toBe(540 * minute);
  });

  it('sees growth through the saw teeth of recycled WAL', () => {
    const teeth = line(60, 4000, 10).map((point, index) => ({
      ...point,
      usedBytes: point.usedBytes + (index % 5) * 20,
    }));
    expect(msUntilFull(teeth, 10_000)! / minute).toBeCloseTo(540, -2);
  });

  it.each([
    ['before ten minutes have passed', line(9, 400, 1), 1000],
    ['on a disk that does not grow', line(60, 400, 0), 1000],
    ['on a disk that empties', line(60, 400, -1), 1000],
    ['more than a year ahead', line(60, 0, 1), 1e9],
    ['without samples', [], 1000],
  ])('says nothing %s', (_, points, total) => {
    expect(msUntilFull(points, total)).toBeNull();
  });

  it('is zero on a disk that is full', () => {
    expect(msUntilFull(line(60, 940, 1), 1000)).toBe(0);
  });
});
