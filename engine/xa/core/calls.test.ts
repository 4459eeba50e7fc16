import { describe, expect, it } from 'vitest';
import type { TransactionState } from '../door';
import { admit, type Call, errorOf, rollbackCode } from './calls';

const calls: readonly Call[] = ['execute', 'end', 'prepare', 'commit', 'commit-one-phase', 'rollback', 'forget'];

/** Of each state, in the order of `calls`: go, repeat, or the code it is refused with. */
const expected: Readonly<Record<TransactionState, string>> = {
  active: 'go go PROTO PROTO PROTO go PROTO',
  idle: 'PROTO repeat go PROTO go go PROTO',
  rollback_only: 'RB RB RB RB RB go PROTO',
  preparing: 'PROTO PROTO PROTO PROTO PROTO PROTO PROTO',
  prepared: 'PROTO PROTO repeat go PROTO go PROTO',
  deciding: 'PROTO PROTO PROTO PROTO PROTO PROTO PROTO',
  committing: 'PROTO PROTO PROTO repeat repeat PROTO PROTO',
  rolling_back: 'RB RB RB RB RB repeat PROTO',
  committed: 'PROTO PROTO PROTO repeat repeat PROTO PROTO',
  rolled_back: 'RB RB RB RB RB repeat PROTO',
  heuristic: 'HAZ HAZ HAZ HAZ HAZ HAZ go',
};
const short: Readonly<Record<string, string>> = { XAER_PROTO: 'PROTO', XA_RBROLLBACK: 'RB', XA_HEURHAZ: 'HAZ' };

describe('which call a state takes', () => {
  it.each(Object.entries(expected))('%s', (state, row) => {
    const answers = calls.map((call) => {
      const admission = admit(state as TransactionState, call);
      return admission.kind === 'refuse' ? short[admission.code] : admission.kind;
    });
    expect(answers.join(' ')).toBe(row);
  });
  it.each([
    [undefined, 'XA_RBCOMMFAIL'],
    ['40P01', 'XA_RBDEADLOCK'],
    ['40001', 'XA_RBROLLBACK'],
    ['23505', 'XA_RBINTEGRITY'],
    ['57014', 'XA_RBTIMEOUT'],
    ['25P04', 'XA_RBTIMEOUT'],
    ['42601', 'XA_RBOTHER'],
  ] as const)('SQLSTATE %s is %s', (state, code) => {
    expect(rollbackCode(state)).toBe(code);
    expect(errorOf[code]).toBe('CONFLICT');
  });
});
