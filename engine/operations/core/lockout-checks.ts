/**
 * Places of ours that applications could take; and time-outs so short that a group setting would end every session while it begins or before it can ask
 * anything: nobody could sign in and put it back, and some of them (`transaction_timeout`) end PostgreSQL's own start of a session, ours too. A role or a database may have any value.
 */
import { givesOurPlacesAway, keptFree, leastTimeouts, locksOut } from '../../cluster/core/lockouts';
import type { Check } from '../model';
import { check } from './checks';
import { formatMs } from './snapshot';

export function locksNobodyOut(name: string, value: string): readonly Check[] {
  if (givesOurPlacesAway(name, value)) {
    return [
      check('keeps-our-places', false, {
        measured: `${name} = ${value}`,
        limit: `at least ${keptFree[name]}`,
        remedy: `With ${name} = ${value} applications could take the connections by which the group is managed and fails over: set at least ${keptFree[name]}.`,
      }),
    ];
  }
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
