import { expect, it } from 'vitest';
import { linger } from './lingering';

const stall = (node: string, ms: number) => ({ rule: 'agent-stalled', node, group: 'alpha', sentence: `${ms} ms` });

it('keeps what is gone for half a minute, in the order in which it came', () => {
  const first = linger([], [stall('node-3', 20)], 0);
  const second = linger(first, [stall('node-1', 25)], 1_000);
  expect(second.map((one) => one.problem.node)).toEqual(['node-3', 'node-1']);
  const again = linger(second, [stall('node-3', 31)], 2_000);
  expect(again.map((one) => [one.problem.sentence, one.lastAtMs])).toEqual([
    ['31 ms', 2_000],
    ['25 ms', 1_000],
  ]);
  expect(linger(again, [], 31_500).map((one) => one.problem.node)).toEqual(['node-3']);
  expect(linger(again, [], 40_000)).toEqual([]);
});

it('what is said of the present goes when it is over', () => {
  const changing = { rule: 'primary-changing', node: null, group: 'alpha', sentence: 'in progress' };
  expect(linger(linger([], [changing], 0), [], 100)).toEqual([]);
});

it('is bounded', () => {
  const many = Array.from({ length: 200 }, (_, index) => stall(`node-${index}`, 20));
  expect(linger([], many, 0)).toHaveLength(50);
});
