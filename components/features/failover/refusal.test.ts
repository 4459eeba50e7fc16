import { expect, it } from 'vitest';
import { refusalOf } from './refusal';

const check = {
  rule: 'standby-lag',
  node: 'node-2',
  ok: false,
  severity: 'blocker' as const,
  measured: '9 MB',
  limit: '1 MB',
  remedy: 'Wait until it caught up.',
};
const candidate = { node: 'node-2', eligible: false, rank: null, lag_bytes: 9, checks: [check] };

it('names rule, measure, limit and remedy of the target', () => {
  expect(refusalOf({ feasible: false, candidates: [candidate], blockers: [] }, null, 'node-2')).toBe(
    'standby lag: 9 MB (limit 1 MB). Wait until it caught up.',
  );
});

it("another candidate's reason is not this one's", () => {
  expect(refusalOf({ feasible: true, candidates: [candidate], blockers: [] }, null, 'node-3')).toBeNull();
});

it('a blocker of the whole plan counts', () => {
  expect(
    refusalOf(
      {
        feasible: false,
        candidates: [],
        blockers: [{ ...check, node: null, rule: 'operation-running', measured: null, limit: null }],
      },
      null,
      'node-3',
    ),
  ).toBe('operation running:. Wait until it caught up.');
});

it('an error speaks for itself; no drag, no reason', () => {
  expect(refusalOf(undefined, new Error('no majority'), 'node-2')).toBe('no majority');
  expect(refusalOf(undefined, new Error('no majority'), null)).toBeNull();
  expect(refusalOf(undefined, null, 'node-2')).toBeNull();
});
