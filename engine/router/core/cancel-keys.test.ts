import { describe, expect, it } from 'vitest';
import { CancelKeys } from './cancel-keys';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('CancelKeys', () => {
  it('finds a session by its whole key only', () => {
    const keys = new CancelKeys<string>();
    keys.add(7, bytes(1, 2, 3, 4), 'a');
    keys.add(7, bytes(1, 2, 3, 5), 'b');
    keys.add(7, bytes(...Array.from({ length: 32 }, (_, i) => i)), 'long');
    expect(keys.find(7, bytes(1, 2, 3, 4))).toBe('a');
    expect(keys.find(7, bytes(1, 2, 3, 5))).toBe('b');
    expect(keys.find(7, bytes(...Array.from({ length: 32 }, (_, i) => i)))).toBe('long');
    expect(keys.find(8, bytes(1, 2, 3, 4))).toBeNull();
    expect(keys.find(7, bytes(1, 2, 3))).toBeNull();
  });
  it('cancels nobody when two servers gave out the same key, and the other one again after one left', () => {
    const keys = new CancelKeys<string>();
    const forget = keys.add(7, bytes(1, 2, 3, 4), 'a');
    keys.add(7, bytes(1, 2, 3, 4), 'b');
    expect(keys.find(7, bytes(1, 2, 3, 4))).toBeNull();
    forget();
    expect(keys.find(7, bytes(1, 2, 3, 4))).toBe('b');
  });
  it('forgets, and does not grow', () => {
    const keys = new CancelKeys<number>();
    for (let i = 0; i < 1000; i++) keys.add(i, bytes(1, 2, 3, 4), i)();
    expect(keys.size).toBe(0);
  });
});
