import { expect, it } from 'vitest';
import { rootBlockers, waitersBehind } from './blocking';

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
