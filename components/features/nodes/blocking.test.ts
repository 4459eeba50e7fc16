import { expect, it } from 'vitest';
import { blockersOf, rootBlockers, waitersBehind } from './blocking';

it.each([
  ['processes', { blocked_by: [7, 8] }, ['7', '8']],
  [
    'a prepared transaction by its name',
    { blocked_by: [0, 7], blocked_by_prepared: [{ gid: 'left' }] },
    ['7', 'prepared transaction left'],
  ],
  ['one that an older node does not name', { blocked_by: [0] }, ['a prepared transaction']],
  ['nobody', { blocked_by: [], blocked_by_prepared: [] }, []],
])('a session is blocked by %s', (_what, given, said) => expect(blockersOf(given)).toEqual(said));

const session = (pid: number, ...blocked_by: number[]) => ({ pid, blocked_by });

it('counts everybody behind a blocker, also those further back', () => {
  const sessions = [session(1), session(2, 1), session(3, 2), session(4, 2), session(5)];
  expect(waitersBehind(sessions, 1)).toBe(3);
  expect(waitersBehind(sessions, 2)).toBe(2);
  expect(waitersBehind(sessions, 5)).toBe(0);
});

it('finds whom to end first', () => {
  const sessions = [session(1), session(2, 1), session(3, 9), session(4, 9), session(9), session(5)];
  expect(rootBlockers(sessions).map((one) => one.pid)).toEqual([9, 1]);
});

it('a cycle has no root and ends', () => {
  const sessions = [session(1, 2), session(2, 1)];
  expect(rootBlockers(sessions)).toEqual([]);
  expect(waitersBehind(sessions, 1)).toBe(1);
});
