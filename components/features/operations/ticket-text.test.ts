import { describe, expect, it } from 'vitest';
import type { Operation, OperationStep } from '../../providers/wire';
import { cancelReason, stepMs, ticketText } from './ticket-text';

function step(overrides: Partial<OperationStep>): OperationStep {
  return {
    name: 'a',
    title: 'Collect promises',
    state: 'pending',
    started_at: null,
    finished_at: null,
    deadline_ms: 1000,
    cancellable: true,
    point_of_no_return: false,
    compensation: null,
    detail: null,
    attempt: 1,
    ...overrides,
  };
}

const operation: Operation = {
  id: 'op-1',
  kind: 'failover',
  group: 'alpha',
  state: 'succeeded',
  requested_by: 'controller',
  reason: null,
  request_id: null,
  request: {},
  created_at: '2026-11-22T20:42:00.000Z',
  finished_at: '2026-11-22T20:42:01.410Z',
  scheduled_at: null,
  deadline_at: null,
  plan_hash: 'x',
  steps: [
    step({
      state: 'succeeded',
      started_at: '2026-11-22T20:42:00.000Z',
      finished_at: '2026-11-22T20:42:00.250Z',
      detail: '2 of 2 promised',
    }),
  ],
  checks: [],
  candidates: [],
  expected_pause_ms: 400,
  bytes_at_risk: 0,
  timeline: [
    { phase: 'detect', started_at: '2026-11-22T20:42:00.000Z', ms: 900 },
    { phase: 'promote', started_at: '2026-11-22T20:42:00.900Z', ms: 510 },
  ],
  summary: ['node-1 died; node-2 took over.'],
  result: null,
  error: null,
};

it('the ticket has cause, phases, risk and steps', () => {
  const text = ticketText(operation);
  expect(text).toContain('Failover of group alpha: succeeded');
  expect(text).toContain('node-1 died; node-2 took over.');
  expect(text).toContain('Phases (1.41 s in all)');
  expect(text).toContain('2026-11-22 20:42:00.900 UTC  Promote    510 ms');
  expect(text).toContain('WAL at risk: 0 B');
  expect(text).toContain('[succeeded] Collect promises (250 ms): 2 of 2 promised');
});

it('a failure lists every reason', () => {
  const failed = ticketText({
    ...operation,
    state: 'failed',
    error: {
      code: 'CONFLICT',
      message: 'No candidate',
      reasons: [{ rule: 'lag', measured: '9 MB', limit: '1 MB', remedy: 'Wait.', node: 'node-3' }],
    },
  });
  expect(failed).toContain('Error CONFLICT: No candidate');
  expect(failed).toContain('node-3: lag: 9 MB (limit 1 MB). Wait.');
});

describe('cancelling', () => {
  const running = (steps: OperationStep[]): Operation => ({ ...operation, state: 'running', steps });

  it.each([
    [operation, /is over: succeeded/],
    [running([step({ state: 'running', cancellable: false })]), /can't be interrupted/],
    [
      running([step({ state: 'succeeded', point_of_no_return: true }), step({ state: 'running' })]),
      /point of no return/,
    ],
  ])('says why not', (value, reason) => expect(cancelReason(value)).toMatch(reason));

  it('is possible before the point of no return', () => {
    expect(cancelReason(running([step({ state: 'running' }), step({ point_of_no_return: true })]))).toBeNull();
  });
});

it('measures steps', () => {
  expect(stepMs(null, null)).toBeNull();
  expect(stepMs('2026-11-22T20:42:00.000Z', null, Date.parse('2026-11-22T20:42:02.000Z'))).toBe(2000);
});
