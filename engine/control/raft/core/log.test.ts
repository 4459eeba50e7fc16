import { describe, expect, it } from 'vitest';
import {
  append,
  compact,
  cut,
  emptyLog,
  entryAt,
  firstOfTerm,
  lastAtMost,
  lastIndex,
  lastTerm,
  slice,
  termAt,
} from './log';
import type { Entry } from './model';

const entry = (index: number, term: number, data = 'x'): Entry => ({ index, term, kind: 'txn', data });
const log = append(emptyLog(2, 1), [entry(3, 1), entry(4, 2), entry(5, 2), entry(6, 4)]);

describe('raft log', () => {
  it('knows terms from its base on', () => {
    expect([1, 2, 3, 6, 7].map((index) => termAt(log, index))).toEqual([null, 1, 1, 4, null]);
    expect([lastIndex(log), lastTerm(log)]).toEqual([6, 4]);
  });

  it('leaves earlier versions as they were', () => {
    const one = append(log, [entry(7, 4)]);
    const other = append(log, [entry(7, 5)]);
    const shorter = append(cut(log, 5), [entry(5, 9)]);
    expect([termAt(one, 7), termAt(other, 7), termAt(log, 7)]).toEqual([4, 5, null]);
    expect([termAt(shorter, 5), termAt(log, 5), lastIndex(shorter)]).toEqual([9, 2, 5]);
  });

  it('refuses gaps', () => expect(() => append(log, [entry(8, 4)])).toThrow(/must follow/));

  it('compacts to a base whose term it keeps', () => {
    const small = compact(log, 5);
    expect([small.base, termAt(small, 5), termAt(small, 4), lastIndex(small)]).toEqual([5, 2, null, 6]);
    expect(small.chars).toBe(1);
    expect(entryAt(small, 6)).toEqual(entry(6, 4));
  });

  it('slices by size, at least one entry', () => {
    const big = append(emptyLog(0, 0), [entry(1, 1, 'x'.repeat(100)), entry(2, 1, 'y'.repeat(100)), entry(3, 1)]);
    expect(slice(big, 1, 10)).toHaveLength(1);
    expect(slice(big, 1, 270)).toHaveLength(2);
    expect(slice(big, 2)).toHaveLength(2);
  });

  it('finds borders of terms for conflict hints', () => {
    expect(firstOfTerm(log, 5)).toBe(4);
    expect(firstOfTerm(log, 3)).toBe(3);
    expect(lastAtMost(log, 6, 3)).toBe(5);
    expect(lastAtMost(log, 6, 0)).toBe(2);
  });
});
