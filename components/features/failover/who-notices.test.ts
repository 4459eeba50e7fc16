import { expect, it } from 'vitest';
import { whoNotices } from './who-notices';

const plan = { group: 'alpha', mode: 'switchover', primary: 'node-1', target: 'node-2', expected_pause_ms: 400 };
const view = { nodes: [{ id: 'node-1', group: 'alpha', connections: 1 }] };

it('tells clients, sessions and the old primary what happens', () => {
  const lines = whoNotices(plan, view);
  expect(lines[0]).toEqual({
    who: 'New connections to alpha-rw',
    what: 'Wait about 400 ms at the router, then reach node-2.',
  });
  expect(lines[1]?.who).toBe('1 open session on node-1');
  expect(lines[1]?.what).toContain('57P01');
  expect(lines.at(-1)?.what).toContain('standby');
});

it('a failover of a group without a primary promises nothing about it', () => {
  const lines = whoNotices({ ...plan, mode: 'failover', primary: null }, view);
  expect(lines).toHaveLength(3);
  expect(lines[1]?.who).toBe('0 open sessions on the old primary');
});
