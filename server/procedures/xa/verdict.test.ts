/** The verdict on a prepared transaction: what is not known is never called aborted, what is foreign never ours. */
import { describe, expect, it } from 'vitest';
import type { Decision } from '@/engine/xa/door';
import { recordedPrepared } from '@/server/testing/recorded-xa';
import { agrees, blocksOf, consequencesOf, type Known, nextOf, spell, verdictOf, verdictSentence } from './verdict';

const now = Date.parse('2026-01-01T00:02:00.000Z');
const decided: Decision = {
  id: 't',
  decision: 'commit',
  decidedAt: '2026-01-01T00:00:00.000Z',
  decidedBy: 'user:maria',
  xid: '1:a:b',
};
const alpha = { group: 'alpha', served: true };

it.each<[Known, string, string, string]>([
  [decided, 'commit', 'commit: decided 2 min ago by user:maria', 'It is committed within a second'],
  [
    { ...decided, decision: 'abort', decidedBy: null },
    'abort',
    'abort: decided 2 min ago',
    'It is rolled back within a second',
  ],
  [{ ...decided, decision: 'abort', xid: null }, 'abort', 'abort: never decided', 'It is rolled back within a second'],
  [{ ...decided, decision: 'active' }, 'undecided', 'undecided: its transaction is still open', 'deadline'],
  [{ ...decided, decision: 'unknown' }, 'unknown', 'older than the decisions that are kept', 'administrator'],
  ['silent', 'unknown', 'the coordinator does not answer', 'as soon as the coordinator group has a primary'],
  ['hidden', 'unknown', 'limited to groups', 'as the coordinator decided'],
  [null, 'foreign', 'foreign: not ours, shown only', 'Nothing by itself'],
])('%j', (known, verdict, sentence, next) => {
  expect(verdictOf(known)).toBe(verdict);
  expect(verdictSentence(known, now)).toContain(sentence);
  expect(nextOf(known, recordedPrepared(), alpha)).toContain(next);
});

it('waits for a primary, and for a server outside', () => {
  expect(nextOf(decided, recordedPrepared(), { group: 'alpha', served: false })).toContain('once alpha has a primary');
  expect(nextOf(decided, recordedPrepared(), { group: null, served: true })).toContain('within 30 s');
});

describe('what it blocks', () => {
  it('is told in numbers', () => {
    expect(blocksOf(recordedPrepared())).toBe(
      '1 session waits, it holds 3 locks, vacuum is held back by 12,034 transactions, a restart reads 40 MB of WAL for it',
    );
  });

  it('is nothing, or not known', () => {
    const free = { locks: 0, waitingPids: [], horizonTransactions: 0, walBytes: 0 };
    expect(blocksOf(recordedPrepared(free))).toBe('Nothing');
    const untold = { locks: null, waitingPids: [], horizonTransactions: null, walBytes: null };
    expect(blocksOf(recordedPrepared(untold))).toBe('The server does not tell');
  });
});

describe('an outcome by hand', () => {
  it.each<[Known, 'commit' | 'rollback', boolean | null, string]>([
    [decided, 'commit', true, 'agrees'],
    [decided, 'rollback', false, 'contradicts'],
    [{ ...decided, decision: 'abort' }, 'rollback', true, 'agrees'],
    [{ ...decided, decision: 'abort' }, 'commit', false, 'contradicts'],
    [{ ...decided, decision: 'active' }, 'commit', null, 'XA_HEURHAZ'],
    ['silent', 'rollback', null, 'compare the data'],
    [null, 'rollback', null, 'refuses to touch it'],
  ])('%j, %s', (known, outcome, agreed, said) => {
    expect(agrees(known, outcome)).toBe(agreed);
    expect(consequencesOf(known, outcome, recordedPrepared())[0]).toContain(said);
  });
});

it.each([
  [-5, '0 s'],
  [119_000, '119 s'],
  [12 * 60_000, '12 min'],
  [3 * 3_600_000, '3 h'],
  [72 * 3_600_000, '3 d'],
])('%i ms is %s', (ms, text) => {
  expect(spell(ms)).toBe(text);
});
