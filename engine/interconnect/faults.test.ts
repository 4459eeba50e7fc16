import { describe, expect, it } from 'vitest';
import type { Fault } from './api';
import { delayOf, faultsOn, isActive, isLost, nextExpiry, noFaults } from './faults';

const path = { peer: 'b', direction: 'in', channel: 'interconnect' } as const;
const fault = (change: Partial<Fault>): Fault => ({
  peer: 'b',
  direction: 'in',
  channel: 'interconnect',
  kind: 'partition',
  ...change,
});
const at = (ms: number) => new Date(ms).toISOString();

describe('faults', () => {
  it.each<[string, Partial<Fault>, boolean]>([
    ['exactly this path', {}, true],
    ['any peer', { peer: null }, true],
    ['both directions', { direction: 'both' }, true],
    ['both channels', { channel: 'both' }, true],
    ['another peer', { peer: 'c' }, false],
    ['the other direction', { direction: 'out' }, false],
    ['the other channel', { channel: 'wal' }, false],
    ['not yet over', { until: at(1001) }, true],
    ['over', { until: at(1000) }, false],
    ['an unreadable end', { until: 'tomorrow' }, false],
  ])('%s', (_what, change, acts) => {
    expect(faultsOn([fault(change)], path, 1000).partitioned).toBe(acts);
    expect(faultsOn([fault(change)], path, 1000) === noFaults).toBe(!acts);
  });

  it('combine: losses are independent, delays add up', () => {
    const combined = faultsOn(
      [
        fault({ kind: 'drop', probability: 0.5 }),
        fault({ kind: 'drop', probability: 0.5 }),
        fault({ kind: 'delay', delayMs: 10, jitterMs: 2 }),
        fault({ kind: 'delay', delayMs: 5 }),
      ],
      path,
      0,
    );
    expect(combined).toEqual({ partitioned: false, dropProbability: 0.75, delayMs: 15, jitterMs: 2 });
    expect(isLost(combined, () => 0.74)).toBe(true);
    expect(isLost(combined, () => 0.75)).toBe(false);
    expect([0, 0.5, 1].map((random) => delayOf(combined, () => random))).toEqual([13, 15, 17]);
  });

  it('never delay into the past, and ask for no randomness when they need none', () => {
    const never = () => {
      throw new Error('randomness was used');
    };
    expect(delayOf({ ...noFaults, delayMs: 1, jitterMs: 10 }, () => 0)).toBe(0);
    expect(delayOf({ ...noFaults, delayMs: 3 }, never)).toBe(3);
    expect(isLost(noFaults, never)).toBe(false);
  });

  it('know when the next one ends', () => {
    const list = [fault({}), fault({ until: at(500) }), fault({ until: at(3000) }), fault({ until: at(2000) })];
    expect(nextExpiry(list, 1000)).toBe(2000);
    expect(nextExpiry([fault({})], 1000)).toBeNull();
    expect(isActive(fault({}), 1e15)).toBe(true);
  });
});
