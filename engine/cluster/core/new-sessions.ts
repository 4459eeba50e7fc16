/**
 * Whether a server that runs lets anybody in and answers, judged from sign-ins that its agent tries as an application would and from its reports. Pure.
 * Invariant: one failed try tells nothing, and what says that somebody was let in as far as their own rights go is no failure.
 */

/** A sign-in costs PostgreSQL a process and both sides a proof: rare while nothing hints at trouble. */
export const quietTryMs = 15_000;
export const suspiciousTryMs = 1_000;
/** Reports that nobody answered are told after this long: one of them may be a checkpoint's. */
export const unansweredToldMs = 3_000;
const failuresToTell = 2;
/** A few sign in at any moment. */
export const manyStrangers = 20;
/** This part of all connections in use is reason to try. */
const crowded = 0.75;
/** Sessions that have not signed in may hold this part of all connections; of what is beyond, the older ones are ended. */
const strangersPart = 0.25;
export const strangerPatienceMs = 1_000;

export type SignIn =
  | { readonly kind: 'let-in' }
  | { readonly kind: 'refused'; readonly error: string; readonly sqlState: string | null };

export type SignInState = {
  readonly triedAt: number;
  readonly failures: number;
  /** Of the failures in a row; null: none. */
  readonly failingSince: number | null;
  readonly last: SignIn;
};

export const notTried: SignInState = {
  triedAt: Number.NEGATIVE_INFINITY,
  failures: 0,
  failingSince: null,
  last: { kind: 'let-in' },
};

export type Hints = {
  readonly connections: number;
  /** 0: not known. */
  readonly maxConnections: number;
  /** Connections that have not signed in. */
  readonly strangers: number;
  /** A question of the agent's was not answered, or refused for lack of a resource. */
  readonly unanswered: boolean;
};

export function isTryDue(state: SignInState, now: number, hints: Hints): boolean {
  const suspicious =
    state.failures > 0 ||
    hints.unanswered ||
    hints.strangers >= manyStrangers ||
    (hints.maxConnections > 0 && hints.connections >= crowded * hints.maxConnections);
  return now - state.triedAt >= (suspicious ? suspiciousTryMs : quietTryMs);
}

export function afterTry(state: SignInState, now: number, last: SignIn): SignInState {
  if (last.kind === 'let-in') return { triedAt: now, failures: 0, failingSince: null, last };
  return { triedAt: now, failures: state.failures + 1, failingSince: state.failingSince ?? now, last };
}

/** Null: nobody need be told. */
export function refusal(state: SignInState): Extract<SignIn, { kind: 'refused' }> | null {
  return state.last.kind === 'refused' && state.failures >= failuresToTell ? state.last : null;
}

/** How many that have not signed in may stay. */
export function strangersAllowed(maxConnections: number): number {
  return Math.max(manyStrangers, Math.floor(maxConnections * strangersPart));
}

/**
 * What a failed sign-in says. Class 53 is a lack of something (connections, memory, the lock table), unless it is this login's own limit or this database's;
 * other codes are said by a server that got as far as to look at the login.
 */
export function judgeFailure(error: {
  readonly message: string;
  readonly sqlState: string | null;
  readonly routine: string | null;
}): SignIn {
  const { message, sqlState, routine } = error;
  const own = routine === 'InitializeSessionUserId' || routine === 'CheckMyDatabase';
  if (sqlState !== null && (own || !sqlState.startsWith('53'))) return { kind: 'let-in' };
  return { kind: 'refused', error: message, sqlState };
}
