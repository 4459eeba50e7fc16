import { expect, it } from 'vitest';
import { strangers } from '../cluster/core/voter-set';
import { parseSynchronousStandbyNames } from './synchronous-names';

it.each([
  ['', [], 0],
  ['ANY 1 ("node-2","node-3")', ['node-2', 'node-3'], 1],
  ['ANY 2 ("node-3", "node-2")', ['node-2', 'node-3'], 2],
  ['ANY 1 (plain)', ['plain'], 1],
  ['ANY 1 ("rustydb_nobody")', ['rustydb_nobody'], 1],
])('%j reads as %j, %i', (text, members, k) => {
  expect(parseSynchronousStandbyNames(text)).toEqual({ members, k });
});

it.each(['FIRST 1 (a)', '*', 'a', 'ANY 1 ()'])(
  '%j is a list that someone else wrote, which is not the same as none',
  (text) => {
    expect(parseSynchronousStandbyNames(text)).toBe(strangers);
  },
);
