/**
 * Time-outs so short that a group setting would end every session while it begins or before it can ask anything: nobody could sign in and put it back,
 * and some of them (`transaction_timeout`) end PostgreSQL's own start of a session, ours too. A role or a database may have any value.
 */
import type { Check } from '../model';
import { check } from './checks';
import { formatMs } from './snapshot';

/** Least values in ms; 0 switches each of them off. What a login needs on a busy host, and what a client needs between two statements. */
const least: Readonly<Record<string, { readonly ms: number; readonly ends: string }>> = {
  transaction_timeout: { ms: 1_000, ends: 'each session while it still begins' },
  statement_timeout: { ms: 10, ends: 'nearly every statement' },
  idle_session_timeout: { ms: 1_000, ends: 'each session before its next statement' },
  idle_in_transaction_session_timeout: { ms: 10, ends: 'each transaction before its next statement' },
};

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
export function locksNobodyOut(name: string, value: string): readonly Check[] {
  const rule = least[name];
  const ms = durationMs(value);
  if (rule === undefined || ms === null || Math.round(ms) === 0 || ms >= rule.ms) return [];
  return [
    check('locks-everybody-out', false, {
      measured: `${name} = ${value}`,
      limit: `0 (off), or at least ${formatMs(rule.ms)}`,
      remedy: `For a whole group ${name} = ${value} ends ${rule.ends}, and nobody could put it back: set at least ${formatMs(rule.ms)}, or set it for a role (ALTER ROLE … SET).`,
    }),
  ];
}
