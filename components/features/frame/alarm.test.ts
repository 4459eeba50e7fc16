import { expect, it } from 'vitest';
import { alarmHref, isAlarm, isPlannedPause, writeWord } from './alarm';

it.each([
  ['critical', true],
  ['error', true],
  ['warning', false],
  ['info', false],
])('%s interrupts: %s', (severity, interrupts) => expect(isAlarm({ severity, payload: {} })).toBe(interrupts));

it('an alarm leads to its cause', () => {
  const href = (payload: Record<string, unknown>) => alarmHref({ severity: 'critical', payload });
  expect(href({ operation_id: 'op-1', group: 'alpha' })).toBe('/operations/op-1');
  expect(href({ node_id: 'node-2', group: 'alpha' })).toBe('/nodes/node-2');
  expect(href({ node_id: null, group: 'alpha' })).toBe('/');
});

it('a pause on purpose is a change of the primary; one that overran its plan is no writes', () => {
  const changing = { rule: 'primary-changing', group: 'alpha' };
  const overrun = { rule: 'lease-expired', group: 'alpha' };
  expect(isPlannedPause([overrun, changing], 'alpha')).toBe(true);
  expect(isPlannedPause([overrun], 'alpha')).toBe(false);
  expect(isPlannedPause([changing], 'beta')).toBe(false);
  const paused = { writable: false, degraded: false };
  expect([writeWord(paused, true), writeWord(paused, false)]).toEqual(['changing its primary', 'no writes']);
  expect(writeWord({ writable: true, degraded: true }, false)).toBe('degraded');
});
