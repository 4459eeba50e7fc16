import { describe, expect, it } from 'vitest';
import { EventLog } from '../monitoring/event-log';
import { switchover } from '../testing/running-operation';
import { ControllerEvents } from './controller-events';
import type { Problem } from './model';

const problem = (rule: string, severity: Problem['severity']): Problem => ({
  rule,
  severity,
  node: 'node-1',
  group: 'alpha',
  sentence: 'Something is wrong.',
  since: '2026-01-01T00:00:00.000Z',
  remedy: 'Mend it.',
});

function eventsOf(begun: Problem, ended: Problem): readonly string[] {
  const log = new EventLog(() => 0);
  log.beginTerm(1);
  const events = new ControllerEvents(log, () => 0);
  events.viewChanged({ statuses: [], groups: [], begun: [begun], ended: [] });
  events.viewChanged({ statuses: [], groups: [], begun: [], ended: [ended] });
  return log.recent(10).map((event) => event.eventType);
}

describe('whom an event is about', () => {
  it('each one about a node or a group names the group', () => {
    const log = new EventLog(() => 0);
    log.beginTerm(1);
    const events = new ControllerEvents(log, () => 0);
    events.nodeJoined('node-4', 'beta');
    events.nodeLeft('node-4', 'beta');
    events.operationStarted(switchover(0));
    events.operationFinished({ ...switchover(0), state: 'failed' });
    for (const rule of ['standby-lag', 'postgres-down', 'node-silent']) {
      events.viewChanged({ statuses: [], groups: [], begun: [problem(rule, 'critical')], ended: [] });
    }
    for (const { eventType, payload } of log.recent(20)) expect([eventType, payload.group]).not.toContain(undefined);
    expect(log.recent(20).map(({ payload }) => payload.group)).not.toContain(null);
  });

  it('an operation about a node names the node too', () => {
    const log = new EventLog(() => 0);
    const events = new ControllerEvents(log, () => 0);
    events.operationStarted(switchover(0, { request: { kind: 'restart-node', node: 'node-2' } }));
    expect(log.recent(1)[0]?.payload).toMatchObject({ group: 'alpha', node_id: 'node-2' });
  });

  it('a planned change begins as news, an unplanned one as a warning', () => {
    const log = new EventLog(() => 0);
    const events = new ControllerEvents(log, () => 0);
    events.operationStarted(switchover(0));
    events.operationStarted(switchover(0, { request: { kind: 'failover', group: 'alpha', mode: 'failover' } }));
    const begun = log.recent(9).filter((event) => event.eventType === 'failover_initiated');
    expect(begun.map((event) => event.severity)).toEqual(['info', 'warning']);
  });
});

describe('events of problems', () => {
  it.each([
    ['a problem begins and ends', problem('postgres-down', 'critical'), ['problem_begun', 'problem_ended']],
    [
      'a block that endangers the lease is told',
      problem('agent-stalled', 'warning'),
      ['problem_begun', 'problem_ended'],
    ],
  ] as const)('%s', (_, one, expected) => {
    expect(eventsOf(one, one)).toEqual(expected);
  });
});

it('tells entries of an audit log as who, what and outcome, and how many were left out', () => {
  const log = new EventLog(() => 0);
  const events = new ControllerEvents(log, () => 0);
  const entry = {
    sequence: 7,
    at: '2026-01-01T00:00:00.000Z',
    actor: 'user:dba',
    role: 'admin',
    surface: 'rest',
    requestId: 'r1',
    procedure: 'access.createUser',
    outcome: 'succeeded',
    code: null,
    operationId: null,
  };
  events.audited({ writer: 'w1', entries: [entry, { ...entry, sequence: 9, outcome: 'failed' }], leftOut: 3 });
  expect(log.recent(9)).toMatchObject([
    {
      category: 'audit',
      eventType: 'audit_recorded',
      severity: 'info',
      source: 'audit:w1',
      payload: { actor: 'user:dba', procedure: 'access.createUser', outcome: 'succeeded', left_out: 3 },
    },
    { severity: 'warning', payload: { audit_sequence: 9 } },
  ]);
  expect(log.recent(1)[0]?.payload).not.toHaveProperty('left_out');
});
