import { expect, it } from 'vitest';
import { alarmHref, changingGroups, isAlarm, isPlannedPause, writeWord } from './alarm';

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

const quiet: ReadonlySet<string> = new Set();

it('a pause on purpose is a change of the primary; one that overran its plan is no writes', () => {
  const changing = { rule: 'primary-changing', severity: 'info', group: 'alpha' };
  const overrun = { rule: 'lease-expired', severity: 'critical', group: 'alpha' };
  expect(isPlannedPause([changing], 'alpha', quiet)).toBe(true);
  expect(isPlannedPause([overrun], 'alpha', quiet)).toBe(false);
  expect(isPlannedPause([changing], 'beta', quiet)).toBe(false);
  const paused = { writable: false, degraded: false };
  expect([writeWord(paused, true), writeWord(paused, false)]).toEqual(['changing its primary', 'no writes']);
  expect(writeWord({ writable: true, degraded: true }, false)).toBe('degraded');
});

it('while a planned operation runs, only what the engine finds critical is an outage', () => {
  const running = changingGroups([
    { kind: 'failover', group: 'alpha', state: 'running', request: { mode: 'switchover' } },
    { kind: 'failover', group: 'beta', state: 'running', request: { mode: 'failover', automatic: {} } },
    { kind: 'restart-node', group: 'gamma', state: 'running', request: {} },
    { kind: 'restart-node', group: 'delta', state: 'failed', request: {} },
  ]);
  expect([...running]).toEqual(['alpha', 'gamma']);
  expect(isPlannedPause([], 'alpha', running)).toBe(true);
  expect(isPlannedPause([{ rule: 'commits-wait', severity: 'critical', group: 'alpha' }], 'alpha', running)).toBe(
    false,
  );
  expect(isPlannedPause([{ rule: 'disk-nearly-full', severity: 'critical', group: 'beta' }], 'alpha', running)).toBe(
    true,
  );
  expect(isPlannedPause([], 'beta', running)).toBe(false);
});
