import { expect, it } from 'vitest';
import { WalRate } from './wal-rate';

it('is what came between two looks, and nothing without a receiver or after a step back', () => {
  const rate = new WalRate();
  expect(rate.look('0/1000', 0)).toBe(0);
  expect(rate.look('0/2000', 2_000)).toBe(2_048);
  expect(rate.look('0/1000', 3_000)).toBe(0);
  expect(rate.look(null, 4_000)).toBe(0);
  expect(rate.look('0/5000', 5_000)).toBe(0);
  expect(rate.look('0/5100', 6_000)).toBe(256);
});
