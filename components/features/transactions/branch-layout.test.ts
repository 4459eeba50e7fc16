import { expect, it } from 'vitest';
import { cardHeight, cardWidth, layoutBranches } from './branch-layout';

it.each([0, 1, 2, 3, 5, 8, 32])('%i branches: inside, and no card over another', (count) => {
  const { width, height, coordinator, branches } = layoutBranches(count);
  expect(branches.map((one) => one.index)).toEqual(Array.from({ length: count }, (_, index) => index));
  const cards = [coordinator, ...branches];
  for (const [at, one] of cards.entries()) {
    expect(one.x).toBeGreaterThanOrEqual(0);
    expect(one.y).toBeGreaterThanOrEqual(0);
    expect(one.x + cardWidth).toBeLessThanOrEqual(width);
    expect(one.y + cardHeight).toBeLessThanOrEqual(height);
    for (const other of cards.slice(at + 1)) {
      const apart = Math.abs(one.x - other.x) >= cardWidth || Math.abs(one.y - other.y) >= cardHeight;
      expect(apart).toBe(true);
    }
  }
});
