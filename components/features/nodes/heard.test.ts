import { expect, it } from 'vitest';
import { connectionsText, heard } from './heard';

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
