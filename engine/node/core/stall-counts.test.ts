import { expect, it } from 'vitest';
import { noStalls, withStall } from './stall-counts';

it('counts each block once, where it belongs, and sums them', () => {
  const found = [0, 20, 20.1, 499, 500, 1_500, 9_000].reduce(withStall, noStalls);
  expect(found).toEqual({ counts: [2, 1, 0, 0, 2, 0, 1, 1], sumMs: 11_539 });
  expect(noStalls.counts).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});
