/** Which call a transaction takes in which state, and the standard's return code for the rest (X/Open XA, chapter 6 and tables 6-4, 6-5). */
import type { ErrorCode } from '../../kernel/errors';
import type { TransactionState } from '../door';

export type XaCode =
  | 'XAER_NOTA'
  | 'XAER_DUPID'
  | 'XAER_PROTO'
  | 'XAER_INVAL'
  | 'XAER_RMERR'
  | 'XAER_RMFAIL'
  | 'XA_RBROLLBACK'
  | 'XA_RBCOMMFAIL'
  | 'XA_RBDEADLOCK'
  | 'XA_RBINTEGRITY'
  | 'XA_RBTIMEOUT'
  | 'XA_RBOTHER'
  | 'XA_HEURHAZ';

/** The code of the product's one error table. */
export const errorOf: Readonly<Record<XaCode, ErrorCode>> = {
  XAER_NOTA: 'NOT_FOUND',
  XAER_DUPID: 'CONFLICT',
  XAER_PROTO: 'CONFLICT',
  XAER_INVAL: 'INVALID_INPUT',
  XAER_RMERR: 'UNAVAILABLE',
  XAER_RMFAIL: 'UNAVAILABLE',
  XA_RBROLLBACK: 'CONFLICT',
  XA_RBCOMMFAIL: 'CONFLICT',
  XA_RBDEADLOCK: 'CONFLICT',
  XA_RBINTEGRITY: 'CONFLICT',
  XA_RBTIMEOUT: 'CONFLICT',
  XA_RBOTHER: 'CONFLICT',
  XA_HEURHAZ: 'CONFLICT',
};

export type Call = 'execute' | 'end' | 'prepare' | 'commit' | 'commit-one-phase' | 'rollback' | 'forget';

/** `repeat`: it was done before, and the answer is the same. */
export type Admission =
  | { readonly kind: 'go' }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'refuse'; readonly code: XaCode; readonly why: string };

const go: Admission = { kind: 'go' };
const repeat: Admission = { kind: 'repeat' };

export function admit(state: TransactionState, call: Call): Admission {
  if (state === 'heuristic')
    return call === 'forget'
      ? go
      : refuse(
          'XA_HEURHAZ',
          'an administrator or a lost connection left a branch whose outcome is not that of the others; look at its branches, then forget it',
        );
  if (call === 'forget') return refuse('XAER_PROTO', 'only what ended heuristically is forgotten');
  if (state === 'rolled_back') return call === 'rollback' ? repeat : refuse('XA_RBROLLBACK', 'it was rolled back');
  if (state === 'committed' || state === 'committing')
    return call === 'commit' || call === 'commit-one-phase' ? repeat : refuse('XAER_PROTO', 'it is committed');
  if (state === 'rolling_back')
    return call === 'rollback' ? repeat : refuse('XA_RBROLLBACK', 'it is being rolled back');
  if (state === 'preparing' || state === 'deciding')
    return refuse('XAER_PROTO', 'another call is just preparing or committing it');
  return allowed[state].includes(call) ? go : refuseEarly(state, call);
}

const allowed: Readonly<Record<'active' | 'idle' | 'rollback_only' | 'prepared', readonly Call[]>> = {
  active: ['execute', 'end', 'rollback'],
  idle: ['prepare', 'commit-one-phase', 'rollback'],
  rollback_only: ['rollback'],
  prepared: ['commit', 'rollback'],
};

function refuseEarly(state: 'active' | 'idle' | 'rollback_only' | 'prepared', call: Call): Admission {
  if (state === 'rollback_only') return refuse('XA_RBROLLBACK', 'it can only be rolled back');
  if (state === 'prepared')
    return call === 'prepare'
      ? repeat
      : refuse('XAER_PROTO', 'it is prepared: commit it without one_phase, or roll it back');
  if (state === 'idle' && call === 'end') return repeat;
  if (state === 'idle' && call === 'commit')
    return refuse('XAER_PROTO', 'prepare it first, or commit it with one_phase');
  if (state === 'idle') return refuse('XAER_PROTO', 'it has ended: no more statements');
  return refuse('XAER_PROTO', 'it is still active: end it first');
}

function refuse(code: XaCode, why: string): Admission {
  return { kind: 'refuse', code, why };
}

/** Of a statement or prepare that failed, by the server's SQLSTATE. */
export function rollbackCode(sqlState: string | undefined): XaCode {
  if (sqlState === undefined) return 'XA_RBCOMMFAIL';
  if (sqlState === '40P01') return 'XA_RBDEADLOCK';
  if (sqlState.startsWith('23')) return 'XA_RBINTEGRITY';
  if (sqlState === '57014' || sqlState === '25P04') return 'XA_RBTIMEOUT';
  return sqlState.startsWith('40') ? 'XA_RBROLLBACK' : 'XA_RBOTHER';
}
