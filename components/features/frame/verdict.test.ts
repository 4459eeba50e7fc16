import { expect, it } from 'vitest';
import { asKnown, verdictOf, verdictSentence } from './verdict';

const healthy = {
  has_quorum: true,
  groups: [{ name: 'alpha', writable: true, degraded: false }],
  problems: [],
  failed_nodes: 0,
  degraded_nodes: 0,
};

const problem = (fields: object) => ({
  rule: 'some-rule',
  severity: 'info',
  group: null,
  node: null,
  ...fields,
});

it.each([
  [healthy, 'ok', 'Healthy', '/'],
  [
    { ...healthy, groups: [{ name: 'alpha', writable: false, degraded: false }] },
    'bad',
    'alpha: no writes',
    '/failover',
  ],
  [
    {
      ...healthy,
      groups: [{ name: 'alpha', writable: false, degraded: false }],
      problems: [problem({ rule: 'primary-changing', group: 'alpha' })],
    },
    'busy',
    'alpha: changing primary',
    '/operations',
  ],
  [
    {
      ...healthy,
      groups: [
        { name: 'alpha', writable: false, degraded: false },
        { name: 'beta', writable: false, degraded: false },
      ],
      problems: [problem({ rule: 'primary-changing', group: 'alpha' })],
    },
    'bad',
    'beta: no writes',
    '/failover',
  ],
  [{ ...healthy, has_quorum: false }, 'bad', 'No control majority', '/consensus'],
  [{ ...healthy, problems: [problem({ severity: 'critical', node: 'node-2' })] }, 'bad', 'Critical', '/nodes/node-2'],
  [{ ...healthy, failed_nodes: 1 }, 'warn', 'Degraded', '/nodes'],
  [{ ...healthy, groups: [{ name: 'alpha', writable: true, degraded: true }] }, 'warn', 'Degraded', '/'],
  [{ ...healthy, problems: [problem({ severity: 'warning', group: 'alpha' })] }, 'warn', 'Degraded', '/'],
  [{ ...healthy, problems: [problem({ group: 'alpha' })] }, 'ok', 'Healthy', '/'],
])('the verdict on %j', (facts, tone, word, href) => {
  expect(verdictOf(facts, new Set())).toEqual({ tone, word, href });
});

const told = { sentence: 'Healthy. No failover so far.', problems: [], nodes: [] };
const paused = { id: 'node-3', status: 'degraded', status_reason: 'Replay is paused.' };

it('names a node that is unwell while no problem is told, instead of calling all healthy', () => {
  expect(verdictSentence({ ...told, nodes: [paused] })).toBe('node-3 is degraded: Replay is paused.');
  expect(verdictSentence({ ...told, nodes: Array(5).fill(paused) })).toMatch(/ And 2 more\.$/);
});

it('leaves the word to the engine otherwise', () => {
  expect(verdictSentence(told)).toBe(told.sentence);
  expect(verdictSentence({ ...told, problems: [{ severity: 'warning' }], nodes: [paused] })).toBe(told.sentence);
  expect(verdictSentence({ ...told, nodes: [{ ...paused, status: 'stopped' }] })).toBe(told.sentence);
});

it('what was healthy is not green any more once nothing confirms it', () => {
  const verdict = verdictOf(healthy, new Set());
  expect(asKnown(verdict, false)).toBe(verdict);
  expect(asKnown(verdict, true)).toEqual({ tone: 'idle', word: 'Unknown, last Healthy', href: '/' });
});
