/** The deadline of an operation binds until the point of no return was reached, and not after. */
import { describe, expect, it } from 'vitest';
import type { Operation, OperationStep } from '../model';
import { deadlineAtOf, deadlineError, deadlineLeftMs, isPastReturn, missedDeadline } from './operation-deadline';
import { switchoverSteps } from './steps';

const startMs = Date.parse('2026-01-01T00:00:00.000Z');
const request = { kind: 'failover', group: 'alpha', mode: 'switchover', deadlineMs: 5_000 } as const;
const steps = switchoverSteps('node-1', 'node-2', { drainMs: 1_000 });

function operation(change: (entry: OperationStep) => Partial<OperationStep> = () => ({})): Operation {
  const all = steps.map((entry) => ({ ...entry, ...change(entry) }));
  return { request, steps: all, deadlineAt: deadlineAtOf(request, startMs), finishedAt: null } as unknown as Operation;
}
const named = (of: Operation, name: string) => of.steps.find((entry) => entry.name === name)!;
const begun = (...names: string[]) =>
  operation((entry) =>
    names.includes(entry.name) ? { state: 'running', startedAt: new Date(startMs).toISOString(), attempt: 1 } : {},
  );

describe('deadlineLeftMs', () => {
  it('is null without a deadline', () => {
    const of = { ...operation(), deadlineAt: null };
    expect(deadlineLeftMs(of, named(of, 'drain'), startMs)).toBeNull();
    expect(deadlineAtOf({ kind: 'start-node', node: 'node-1' }, startMs)).toBeNull();
  });
  it('counts down before the point of no return, also for the step that is it and has not begun', () => {
    const of = begun('drain');
    expect(deadlineLeftMs(of, named(of, 'drain'), startMs + 2_000)).toBe(3_000);
    expect(deadlineLeftMs(of, named(of, 'demote'), startMs + 6_000)).toBe(-1_000);
  });
  it.each(['demote', 'collect-promises', 'grant', 'promote', 'route'])(
    'does not bind %s once the stop was begun',
    (name) => {
      const of = begun('demote');
      expect(deadlineLeftMs(of, named(of, name), startMs + 60_000)).toBeNull();
    },
  );
  it('does not bind again when a grant is begun anew for the next candidate', () => {
    const of = operation((entry) => (entry.name === 'grant' ? { attempt: 1, startedAt: null } : {}));
    expect(isPastReturn(of)).toBe(true);
    expect(deadlineLeftMs(of, named(of, 'collect-promises'), startMs + 60_000)).toBeNull();
  });
  it('does not bind the undoing', () => {
    const of = operation((entry) => (entry.name === 'collect-promises' ? { state: 'compensated' } : {}));
    expect(deadlineLeftMs(of, named(of, 'grant'), startMs + 60_000)).toBeNull();
  });
});

it('says what was measured and what to do', () => {
  const of = begun('drain');
  const error = deadlineError(of, named(of, 'drain'), startMs + 5_250);
  expect(error.message).toContain('The deadline of 5.00 s passed in "Hold new sessions');
  expect(error.details.reasons).toMatchObject([{ rule: 'operation-deadline', measured: '5.25 s', limit: '5.00 s' }]);
});

it('tells of a deadline that passed after the point of no return', () => {
  const ended = (of: Operation, ms: number) => ({ ...of, finishedAt: new Date(startMs + ms).toISOString() });
  expect(missedDeadline(ended(begun('demote'), 7_000))).toContain('2.00 s before the end');
  expect(missedDeadline(ended(begun('demote'), 4_000))).toBeNull();
  expect(missedDeadline(ended(begun('drain'), 7_000))).toBeNull();
});
