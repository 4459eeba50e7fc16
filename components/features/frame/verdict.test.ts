import { expect, it } from 'vitest';
import { verdictOf } from './verdict';

const healthy = {
  has_quorum: true,
  groups: [{ name: 'alpha', writable: true, degraded: false }],
  problems: [],
  failed_nodes: 0,
  degraded_nodes: 0,
};

it.each([
  [healthy, 'ok', 'Healthy', '/'],
  [
    { ...healthy, groups: [{ name: 'alpha', writable: false, degraded: false }] },
    'bad',
    'alpha: no writes',
    '/failover',
  ],
  [{ ...healthy, has_quorum: false }, 'bad', 'No control majority', '/consensus'],
  [
    { ...healthy, problems: [{ severity: 'critical', group: null, node: 'node-2' }] },
    'bad',
    'Critical',
    '/nodes/node-2',
  ],
  [{ ...healthy, failed_nodes: 1 }, 'warn', 'Degraded', '/nodes'],
  [{ ...healthy, groups: [{ name: 'alpha', writable: true, degraded: true }] }, 'warn', 'Degraded', '/'],
  [{ ...healthy, problems: [{ severity: 'warning', group: 'alpha', node: null }] }, 'warn', 'Degraded', '/'],
  [{ ...healthy, problems: [{ severity: 'info', group: 'alpha', node: null }] }, 'ok', 'Healthy', '/'],
])('the verdict on %j', (facts, tone, word, href) => {
  expect(verdictOf(facts)).toEqual({ tone, word, href });
});
