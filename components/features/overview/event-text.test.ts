import { expect, it } from 'vitest';
import { eventText } from './event-text';

it.each([
  [{ event_type: 'node_left', payload: { sentence: 'node-2 went away', node: 'node-2' } }, 'node-2 went away'],
  [{ event_type: 'leader_elected', payload: { node: 'node-1', term: 4, extra: { a: 1 } } }, 'node node-1, term 4'],
  [{ event_type: 'quorum_restored', payload: { sentence: 'No majority.', state: 'ended' } }, 'No longer: No majority.'],
  [
    {
      event_type: 'node_health_change',
      payload: {
        node_id: 'node-1',
        from: 'healthy',
        to: 'unhealthy',
        reason: 'Silent for longer than the lease (2.00 s).',
      },
    },
    'node-1 is unhealthy: Silent for longer than the lease (2.00 s).',
  ],
  [{ event_type: 'problem_begun', payload: { sentence: 'No majority.', state: 'begun' } }, 'No majority.'],
  [
    {
      event_type: 'replica_status_change',
      payload: { replica_id: 'node-2', group: 'alpha', from: null, to: 'healthy' },
    },
    'node-2: healthy',
  ],
  [
    { event_type: 'replica_status_change', payload: { replica_id: 'node-2', from: 'healthy', to: 'unhealthy' } },
    'node-2: healthy → unhealthy',
  ],
  [
    {
      event_type: 'failover_completed',
      payload: { operation_id: '01a', kind: 'failover', group: 'alpha', chosen: 'node-2', state: 'succeeded' },
    },
    'Failover of alpha to node-2: succeeded',
  ],
  [
    {
      event_type: 'operation_step',
      payload: {
        operation_id: '01a',
        kind: 'failover',
        group: 'alpha',
        state: 'running',
        title: 'Promote',
        step_state: 'running',
      },
    },
    'Failover of alpha: Promote: running',
  ],
  [
    {
      event_type: 'operation_failed',
      payload: { operation_id: '01a', kind: 'stop-node', group: null, state: 'failed', error: 'no answer' },
    },
    'Stop node: failed, no answer',
  ],
  [
    {
      event_type: 'audit_recorded',
      payload: {
        actor: 'user:maria',
        procedure: 'users.create',
        outcome: 'succeeded',
        code: null,
        operation_id: '01a',
        left_out: 2,
      },
    },
    'user:maria: users.create succeeded; 2 more in the audit log',
  ],
  [{ event_type: 'gap', payload: {}, from: '1', to: '9' }, 'events between 1 and 9 were missed'],
])('%j reads %s', (event, text) => expect(eventText(event)).toBe(text));
