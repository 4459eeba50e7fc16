import { describe, expect, it } from 'vitest';
import { EventLog } from '../monitoring/event-log';
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

describe('events of problems', () => {
  it.each([
    ['a problem begins and ends', problem('postgres-down', 'critical'), ['problem_begun', 'problem_ended']],
    [
      'a block that endangers the lease is told',
      problem('agent-stalled', 'warning'),
      ['problem_begun', 'problem_ended'],
    ],
    ['a block of some milliseconds is no event', problem('agent-stalled', 'info'), []],
  ] as const)('%s', (_, one, expected) => {
    expect(eventsOf(one, one)).toEqual(expected);
  });

  it('the end of a block that was told is told, also when it had become small', () => {
    const events = eventsOf(problem('agent-stalled', 'warning'), problem('agent-stalled', 'info'));
    expect(events).toEqual(['problem_begun', 'problem_ended']);
  });
});
