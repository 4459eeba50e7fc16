import { describe, expect, it } from 'vitest';
import { fc } from '../testing/property-tests';
import { PhiAccrual, RttWindow } from './latency';

describe('round trips', () => {
  it('have no numbers before the first answer', () => {
    const window = new RttWindow();
    window.pinged(1, 0);
    expect(window.summary()).toBeNull();
  });

  it('summarise the last 128 exactly as sorting them does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 300 }), (samples) => {
        const window = new RttWindow();
        samples.forEach((us, id) => {
          window.pinged(id, 1000);
          window.ponged(id, 1000 + us / 1000);
        });
        const recent = samples.slice(-128).sort((a, b) => a - b);
        const rank = (q: number) => recent[Math.ceil(q * recent.length) - 1];
        expect(window.summary()).toEqual({ last: samples.at(-1), p50: rank(0.5), p99: rank(0.99) });
      }),
    );
  });

  it('ignore answers to pings that were never sent, twice answered or long forgotten', () => {
    const window = new RttWindow();
    window.ponged(9, 5);
    window.pinged(1, 0);
    window.ponged(1, 1);
    window.ponged(1, 500);
    for (let id = 2; id < 20; id++) window.pinged(id, 10);
    window.ponged(2, 9000);
    expect(window.summary()?.last).toBe(1000);
  });

  it('count the pings that were never answered: given up, or left behind by a connection that ended', () => {
    const window = new RttWindow();
    window.pinged(1, 0);
    window.ponged(1, 1);
    expect(window.lost).toBe(0);
    for (let id = 2; id < 12; id++) window.pinged(id, 10);
    expect(window.lost).toBe(2);
    window.ponged(2, 20);
    window.ponged(11, 20);
    window.forgetOutstanding();
    expect(window.lost).toBe(9);
  });
});

describe('phi', () => {
  const steady = (gapMs: number) => {
    const phi = new PhiAccrual(1000);
    for (let at = 0; at <= 200 * gapMs; at += gapMs) phi.heard(at);
    return { phi, last: 200 * gapMs };
  };

  it('is unknown before anything was heard, low while the beat goes on, and grows with silence', () => {
    expect(new PhiAccrual(1000).phi(5)).toBeNull();
    const { phi, last } = steady(1000);
    expect(phi.phi(last + 900)).toBeLessThan(1);
    const silence = [1000, 1500, 2000, 3000, 10_000].map((ms) => phi.phi(last + ms)!);
    expect(silence).toEqual([...silence].sort((a, b) => a - b));
    expect(silence[3]).toBeGreaterThan(8);
    expect(silence[4]).toBe(100);
  });

  it('learns the beat: the same silence is more suspicious after a faster one', () => {
    const fast = steady(100);
    const slow = steady(1000);
    expect(fast.phi.phi(fast.last + 900)!).toBeGreaterThan(slow.phi.phi(slow.last + 900)! + 3);
  });
});
