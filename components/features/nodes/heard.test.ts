import { expect, it } from 'vitest';
import { connectionsText, diskFree, heard, lagText, silentFor } from './heard';

it('keeps what a node reported, a zero too', () => {
  expect(heard({ report_age_ms: 12 }, 0)).toBe(0);
});

it('a node that was never heard has no figure', () => {
  expect(heard({ report_age_ms: null }, 0)).toBeNull();
});

it.each([
  [{ report_age_ms: 5, connections: 3, max_connections: 200 }, '3 of 200'],
  [{ report_age_ms: 5, connections: 0, max_connections: 0 }, null],
  [{ report_age_ms: null, connections: 0, max_connections: 200 }, null],
])('the connections of %j are %s', (node, text) => expect(connectionsText(node)).toBe(text));

it('a disk that was not measured yet has no free bytes, rather than none free', () => {
  expect(diskFree({ report_age_ms: 5, disk_used_bytes: 10, disk_total_bytes: 30 })).toBe(20);
  expect(diskFree({ report_age_ms: 5, disk_used_bytes: 0, disk_total_bytes: 0 })).toBeNull();
  expect(diskFree({ report_age_ms: null, disk_used_bytes: 0, disk_total_bytes: 0 })).toBeNull();
});

it.each([
  [{ report_age_ms: 5040, status: 'unhealthy' }, 5040],
  [{ report_age_ms: 80, status: 'unhealthy' }, null],
  [{ report_age_ms: 1200, status: 'healthy' }, null],
  [{ report_age_ms: null, status: 'unhealthy' }, null],
])('%j has been silent for %s', (node, ms) => expect(silentFor(node)).toBe(ms));

it.each([
  [{ lag_bytes: null, lag_ms: null }, 'unknown'],
  [{ lag_bytes: 89_395, lag_ms: null }, '87.3 kB'],
  [{ lag_bytes: 0, lag_ms: 0 }, '0 B, 0 ms'],
])('the lag %j reads %s', (node, text) => expect(lagText(node)).toBe(text));
