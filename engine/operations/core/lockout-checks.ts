/**
 * Time-outs so short that a group setting would end every session while it begins or before it can ask anything: nobody could sign in and put it back,
 * and some of them (`transaction_timeout`) end PostgreSQL's own start of a session, ours too. A role or a database may have any value.
 */
import { leastTimeouts, locksOut } from '../../cluster/core/lockouts';
import type { Check } from '../model';
import { check } from './checks';
import { formatMs } from './snapshot';

export function locksNobodyOut(name: string, value: string): readonly Check[] {
  if (!locksOut(name, value)) return [];
  const rule = leastTimeouts[name]!;
  return [
    check('locks-everybody-out', false, {
      measured: `${name} = ${value}`,
      limit: `0 (off), or at least ${formatMs(rule.ms)}`,
      remedy: `For a whole group ${name} = ${value} ends ${rule.ends}, and nobody could put it back: set at least ${formatMs(rule.ms)}, or set it for a role (ALTER ROLE … SET).`,
    }),
  ];
}
