/** What is said of a server that runs and does not serve: one wording for the problem, the node's status and readiness. Pure; every number was reported. */
import type { LockHolder, ServiceTrouble } from '../model';
import { manyStrangers } from './new-sessions';

const named = 3;

export function serviceTroubleWords(trouble: ServiceTrouble): { readonly sentence: string; readonly remedy: string } {
  const { kind, error, sqlState, strangers, lockHolders } = trouble;
  if (kind === 'no-answer')
    return {
      sentence: `PostgreSQL runs and does not answer its agent: ${error}.`,
      remedy:
        'Look at the load of the host and at the log; if it does not end by itself, restart the node or switch over.',
    };
  if (sqlState === '53200') {
    const who = lockHolders.length === 0 ? '' : ` Most locks: ${lockHolders.slice(0, named).map(holder).join('; ')}.`;
    return {
      sentence: `PostgreSQL lets nobody in, its lock table is full (${error}).${who}`,
      remedy: `${endHolder(lockHolders[0])}; if the application needs that many locks, raise max_locks_per_transaction.`,
    };
  }
  // Also without a code: those who wait for PostgreSQL to take their connection are behind them.
  if (strangers >= manyStrangers)
    return {
      sentence: `PostgreSQL lets nobody in (${error}): ${strangers} connections have not signed in.`,
      remedy:
        'Somebody opens connections to PostgreSQL’s own port and does not sign in; they are ended after a second. Find the program on its host (ss -tnp) and stop it.',
    };
  if (sqlState === '53300')
    return {
      sentence: `PostgreSQL lets nobody in (${error}).`,
      remedy: 'End idle sessions (Sessions), let applications use a pool, or raise max_connections.',
    };
  return {
    sentence: `PostgreSQL lets nobody in: ${error}.`,
    remedy: 'Look at the log and at the host; if it does not end by itself, restart the node or switch over.',
  };
}

function holder({ pid, prepared, locks, user, database, applicationName }: LockHolder): string {
  const who = [user && `role ${user}`, database && `database ${database}`, applicationName && `“${applicationName}”`];
  const known = who.filter((one) => one).join(', ');
  const what = prepared ? `prepared transaction “${prepared}”` : `pid ${pid}`;
  return `${what}${known === '' ? '' : ` (${known})`} holds ${locks}`;
}

function endHolder(most: LockHolder | undefined): string {
  if (most?.prepared)
    return `ROLLBACK PREPARED '${most.prepared.replaceAll("'", "''")}' in its database; if nobody gets in for that, end sessions that hold locks, or restart the node with a higher max_locks_per_transaction`;
  const which = most ? `End the session with pid ${most.pid}` : 'End the session that takes the locks';
  return `${which} (Sessions, or DELETE /cluster/nodes/{id}/sessions/{pid})`;
}
