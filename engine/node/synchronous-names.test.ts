import { expect, it } from 'vitest';
import { parseSynchronousStandbyNames } from './synchronous-names';

it.each([
  ['', [], 0],
  ['ANY 1 ("node-2","node-3")', ['node-2', 'node-3'], 1],
  ['ANY 2 ("node-3", "node-2")', ['node-2', 'node-3'], 2],
  ['ANY 1 (plain)', ['plain'], 1],
  ['FIRST 1 (a)', [], 0],
  ['*', [], 0],
])('%j reads as %j, %i', (text, members, k) => {
  expect(parseSynchronousStandbyNames(text)).toEqual({ members, k });
});
