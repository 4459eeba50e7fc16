import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatDuration,
  formatLocal,
  formatMicros,
  formatNumber,
  formatPercent,
  formatRelative,
  formatUtc,
  sentence,
  toDate,
  zoneName,
} from './format';

it('names the zone that a clock is read in', () => {
  const at = new Date('2026-11-22T20:42:00Z');
  expect(zoneName(at, 'UTC')).toBe('UTC');
  expect(zoneName(at, 'Asia/Tokyo')).toBe('GMT+9');
});

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 kB'],
    [1536, '1.5 kB'],
    [16 * 1024 * 1024, '16 MB'],
    [5.25 * 1024 ** 3, '5.25 GB'],
    [-2048, '-2 kB'],
    [null, '–'],
    [Number.NaN, '–'],
  ])('%s bytes reads %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('durations', () => {
  it.each([
    [0, '0 ms'],
    [0.25, '250 µs'],
    [412.4, '412 ms'],
    [1000, '1 s'],
    [4123, '4.12 s'],
    [41_230, '41.2 s'],
    [60_000, '1 min'],
    [59_980, '1 min'],
    [184_000, '3 min 4 s'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
    [86_400_000 + 5000, '1 d'],
    [-1500, '-1.5 s'],
    [null, '–'],
  ])('%s ms reads %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it('keeps microseconds below a millisecond', () => {
    expect(formatMicros(340)).toBe('340 µs');
    expect(formatMicros(1640)).toBe('1.6 ms');
    expect(formatMicros(12_400)).toBe('12 ms');
  });
});

describe('times', () => {
  const now = Date.parse('2026-11-22T20:42:00.000Z');

  it('takes Unix seconds and ISO text', () => {
    expect(toDate(1_795_380_120)?.toISOString()).toBe(new Date(1_795_380_120_000).toISOString());
    expect(toDate('2026-11-22T20:42:00.000Z')?.getTime()).toBe(now);
    expect(toDate('nonsense')).toBeNull();
    expect(toDate(null)).toBeNull();
  });

  it.each([
    [now - 400, 'now'],
    [now - 3200, '3 s ago'],
    [now - 125_000, '2 min ago'],
    [now - 3 * 86_400_000, '3 d ago'],
    [now + 7_200_000, 'in 2 h'],
  ])('%s reads %s', (at, text) => expect(formatRelative(new Date(at), now)).toBe(text));

  it('says never for nothing', () => expect(formatRelative(null, now)).toBe('never'));

  it('gives both zones', () => {
    expect(formatUtc(new Date(now))).toBe('2026-11-22 20:42:00.000 UTC');
    expect(formatLocal(new Date(now), 'America/New_York')).toBe('22 Nov 2026, 15:42:00 America/New_York');
  });
});

it('numbers have separators and no false precision', () => {
  expect(formatNumber(1234567)).toBe('1,234,567');
  expect(formatNumber(12.345, 1)).toBe('12.3');
  expect(formatPercent(12.34, 1)).toBe('12.3 %');
  expect(sentence('semi_synchronous')).toBe('Semi synchronous');
});
