/**
 * Settings that lock out: fewer places of a server kept free than our own sessions need beside those of applications; and time-outs so short that, set
 * for a whole server, they end every session while it begins or before it can ask anything, the engine's own too.
 */

/** Least values in ms; 0 switches each of them off. What a login needs on a busy host, and what a client needs between two statements. */
export const leastTimeouts: Readonly<Record<string, { readonly ms: number; readonly ends: string }>> = {
  transaction_timeout: { ms: 1_000, ends: 'each session while it still begins' },
  statement_timeout: { ms: 10, ends: 'nearly every statement' },
  idle_session_timeout: { ms: 1_000, ends: 'each session before its next statement' },
  idle_in_transaction_session_timeout: { ms: 10, ends: 'each transaction before its next statement' },
};

/** Connections that stay free for the agent and for members, however many applications come. */
export const keptFree: Readonly<Record<string, number>> = {
  superuser_reserved_connections: 5,
  reserved_connections: 3,
};

/** Whether so few would be kept free that applications could take the places of ours. */
export function givesOurPlacesAway(name: string, value: string): boolean {
  const least = keptFree[name];
  return least !== undefined && /^\s*\d+\s*$/.test(value) && Number(value) < least;
}

const unitMs: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** As PostgreSQL reads it; without a unit it is ms. Null: PostgreSQL will refuse it. */
export function durationMs(value: string): number | null {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(value) ?? [];
  return number === undefined ? null : Number(number) * unitMs[unit ?? 'ms']!;
}

/** PostgreSQL rounds to whole ms, so what is below half of one is 0: off. */
export function locksOut(name: string, value: string): boolean {
  const rule = leastTimeouts[name];
  const ms = durationMs(value);
  return rule !== undefined && ms !== null && Math.round(ms) !== 0 && ms < rule.ms;
}
