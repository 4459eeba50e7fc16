import { describe, expect, it } from 'vitest';
import { formatLsn, lagBytes, parseLsn } from './lsn';

describe('lsn', () => {
  it.each(['0/0', '0/16B3740', 'FFFFFFFF/FFFFFFFF', '1/0', 'A/B'])('round-trips %s', (text) => {
    expect(formatLsn(parseLsn(text))).toBe(text);
  });
  it.each(['', '0', '0/', '/0', 'G/0', '123456789/0', '0/0 '])('refuses %j', (text) => {
    expect(() => parseLsn(text)).toThrow(RangeError);
  });
  it('measures lag across the 4 GiB border and never below zero', () => {
    expect(lagBytes('1/0', '0/FFFFFFFF')).toBe(1);
    expect(lagBytes('0/1', '0/2')).toBe(0);
    expect(lagBytes(null, '0/2')).toBeNull();
  });
});
