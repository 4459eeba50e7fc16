import { describe, expect, it } from 'vitest';
import type { ClusterTransaction } from '../../providers/wire';
import { handReason, inDoubtSentence, lookOfBranch, lookOfTransaction, rowIdOf } from './transaction-words';

const row = (more: Partial<ClusterTransaction> = {}) =>
  ({
    node: 'node-1',
    resource_manager: 'alpha',
    database: 'app',
    identifier: 'gid',
    verdict: 'commit',
    waiting_pids: [],
    ...more,
  }) as unknown as ClusterTransaction;

describe('the sentence about what is in doubt', () => {
  it.each([
    [[], true, 'No prepared transaction anywhere.'],
    [[], false, 'No prepared transaction anywhere. Not every server answered.'],
    [[row()], true, '1 prepared transaction, each with a verdict.'],
    [
      [row({ verdict: 'unknown', waiting_pids: [7, 8] }), row({ verdict: 'foreign', waiting_pids: [8] })],
      true,
      '2 prepared transactions: 1 without a decision that anybody can tell, 1 of others, 2 sessions wait for their locks.',
    ],
  ])('%#', (rows, complete, sentence) => {
    expect(inDoubtSentence(rows, complete)).toBe(sentence);
  });
});

it('leaves what is foreign alone', () => {
  expect(handReason(row({ verdict: 'foreign' }))).toContain('not ours');
  expect(handReason(row({ verdict: 'unknown' }))).toBeNull();
});

it('says states in words', () => {
  expect(lookOfTransaction('rolling_back')).toEqual({ value: 'running', label: 'rolling back' });
  expect(lookOfBranch('read_only').label).toBe('changed nothing');
});

it('tells the same identifier on two servers apart', () => {
  const outside = row({ node: null, resource_manager: 'billing', database: null });
  expect(rowIdOf(row())).not.toBe(rowIdOf(outside));
});
