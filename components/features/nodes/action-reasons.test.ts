import { expect, it } from 'vitest';
import { actionReasons } from './action-reasons';

const standby = {
  id: 'node-2',
  role: 'standby',
  wanted: 'running',
  status: 'healthy',
  maintenance: false,
  postgres_state: 'standby',
} as const;

it('a healthy standby may do everything but start', () => {
  expect(actionReasons(standby)).toEqual({
    start: 'node-2 is not stopped.',
    stop: null,
    restart: null,
    maintenance: null,
    rejoin: null,
    remove: null,
    promote: null,
  });
});

it('a primary is not removed, rejoined or promoted', () => {
  const reasons = actionReasons({ ...standby, role: 'primary' });
  expect([reasons.remove, reasons.rejoin, reasons.promote].every((reason) => reason?.includes('primary'))).toBe(true);
  expect(reasons.stop).toBeNull();
});

it('a stopped node can only be started or removed', () => {
  const reasons = actionReasons({ ...standby, wanted: 'stopped', status: 'stopped' });
  expect(
    Object.entries(reasons)
      .filter(([, reason]) => reason === null)
      .map(([name]) => name),
  ).toEqual(['start', 'remove']);
});

it('maintenance and initialising say so', () => {
  expect(actionReasons({ ...standby, maintenance: true }).promote).toMatch(/maintenance/);
  expect(actionReasons({ ...standby, status: 'initializing' }).restart).toMatch(/initialised/);
});
