import { describe, expect, it } from 'vitest';
import {
  bendOf,
  borderPoint,
  flowSeconds,
  lagBand,
  linkLine,
  replicationLabel,
  roundTripLabel,
  thickness,
} from './link-style';
import type { MapLink } from './model';

const link: MapLink = {
  from: 'node-1',
  to: 'node-2',
  kind: 'replication',
  state: 'streaming',
  mode: 'quorum',
  lagBytes: 0,
  lagMs: 0,
  bytesPerSecond: 1024,
  rttUs: null,
};

describe('the lag band', () => {
  it.each([
    [link, 'ok'],
    [{ ...link, lagMs: 1500 }, 'warn'],
    [{ ...link, lagBytes: 300 * 1024 * 1024 }, 'bad'],
    [{ ...link, state: 'catchup' }, 'warn'],
    [{ ...link, state: 'disconnected' }, 'bad'],
    [{ ...link, kind: 'interconnect' as const, state: 'connected', rttUs: 400 }, 'ok'],
    [{ ...link, kind: 'interconnect' as const, state: 'connected', rttUs: 30_000 }, 'warn'],
    [{ ...link, kind: 'interconnect' as const, state: 'lost', rttUs: null }, 'bad'],
  ])('%o is %s', (value, band) => expect(lagBand(value as MapLink)).toBe(band));
});

it('thickness grows with throughput and is bounded', () => {
  expect(thickness(null)).toBe(1.25);
  expect(thickness(10 * 1024 * 1024)).toBeGreaterThan(thickness(10 * 1024));
  expect(thickness(1e15)).toBe(6);
});

it('nothing moves when nothing flows', () => {
  expect(flowSeconds(0)).toBeNull();
  expect(flowSeconds(1e6)!).toBeLessThan(flowSeconds(1e3)!);
  expect(flowSeconds(1e15)).toBe(0.35);
});

it('labels say mode and lag, of one sample', () => {
  expect(replicationLabel(link)).toEqual(['quorum', 'no lag']);
  expect(replicationLabel({ ...link, mode: 'async', lagBytes: 2048, lagMs: 12 })).toEqual(['async', '2 kB behind']);
  expect(replicationLabel({ ...link, lagBytes: null, lagMs: 12 })).toEqual(['quorum', 'lag unknown']);
  expect(replicationLabel({ ...link, state: 'disconnected' })).toEqual(['quorum', 'disconnected']);
});

it('a pair has one round trip, the slower one, and says when a direction is cut', () => {
  const there: MapLink = { ...link, kind: 'interconnect', state: 'connected', rttUs: 2149 };
  const cut = { ...there, state: 'disconnected' };
  expect(roundTripLabel(there, { ...there, rttUs: 700 })).toBe('2.1 ms');
  expect(roundTripLabel(there, null)).toBe('2.1 ms');
  expect(roundTripLabel({ ...there, rttUs: null }, null)).toBe('?');
  expect(roundTripLabel(there, cut)).toBe('one way');
  expect(roundTripLabel(cut, cut)).toBe('cut');
});

describe('lines', () => {
  const left = { x: 0, y: 0, width: 100, height: 50 };
  const right = { x: 300, y: 0, width: 100, height: 50 };

  it('run from border to border', () => {
    expect(borderPoint(left, { x: 350, y: 25 })).toEqual({ x: 100, y: 25 });
    expect(borderPoint(left, { x: 50, y: 500 })).toEqual({ x: 50, y: 50 });
    const line = linkLine(left, right);
    expect(line.path).toBe('M100.0,25.0 Q200.0,25.0 300.0,25.0');
    expect(line.middle).toEqual({ x: 200, y: 25 });
  });

  it('a line to the next card but one clears the card between, whichever way it runs', () => {
    const place = (column: number, row: number) => ({ x: column * 328, y: row * 142, width: 196, height: 96 });
    const between = place(1, 0);
    for (const [from, to] of [
      [place(0, 0), place(2, 0)],
      [place(2, 0), place(0, 0)],
    ] as const) {
      const [, , , bendY] = pathNumbers(linkLine(from, to, bendOf('replication', from, to)).path);
      // A quadratic curve reaches half way to its control point, and 0.82 of that above the near edge of the card between.
      expect(((bendY! - 48) / 2) * 0.82).toBeGreaterThan(between.height / 2);
    }
    const [, , bendX] = pathNumbers(
      linkLine(place(0, 0), place(0, 2), bendOf('replication', place(0, 0), place(0, 2))).path,
    );
    expect((bendX! - 98) / 2).toBeGreaterThan(between.width / 2);
    expect(bendOf('replication', place(0, 0), place(1, 0))).toBe(0);
  });

  it('the two directions of a pair bend apart', () => {
    const there = linkLine(left, right, 20);
    const back = linkLine(right, left, 20);
    expect(Math.sign(there.middle.y - 25)).toBe(-Math.sign(back.middle.y - 25));
  });
});

function pathNumbers(path: string): readonly number[] {
  return (path.match(/-?[\d.]+/g) ?? []).map(Number);
}
