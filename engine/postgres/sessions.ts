/** Client sessions: what they do, who blocks them, and how they are ended. */
import type { SessionInfo, SessionPosition } from '../runtime/engine-api';
import { type LocalConnection, sqlState } from './connection';
import { noProcess, preparedBlockers } from './prepared-blockers';
import { superuser, superuserOid } from './settings';

/** What the view would look up in shared catalogs is left out. */
const withoutNames = `(SELECT *, NULL::name AS usename, NULL::name AS datname FROM pg_stat_get_activity(NULL)) AS pg_stat_activity`;

const listSql = `
SELECT pid, usename AS "user", datname AS database, application_name AS "applicationName", host(client_addr) AS "clientAddress",
       state, wait_event_type AS "waitEventType", wait_event AS "waitEvent", left(query, 2000) AS query,
       backend_start AS started, xact_start AS transaction_started, query_start AS query_started,
       pg_blocking_pids(pid) AS "blockedBy", backend_type AS "backendType"
  FROM pg_stat_activity
 WHERE backend_type IN ('client backend', 'walsender', 'autovacuum worker', 'logical replication apply worker', 'parallel worker')
   AND pid <> pg_backend_pid()
   AND ($1::timestamptz IS NULL OR (date_trunc('milliseconds', backend_start), pid) > ($1::timestamptz, $2::int))
 ORDER BY date_trunc('milliseconds', backend_start), pid
 LIMIT $3`;

const sessionsAtOnce = 1000;
/** One more than a page, so that whoever pages knows whether there is another. */
const mostAtOnce = sessionsAtOnce + 1;

/** Milliseconds, as `startedAt` says them: what a caller gives back must compare as it was told. */
export type SessionPage = { readonly limit?: number; readonly after?: SessionPosition | null };

type SessionRow = Omit<SessionInfo, 'blockedByPrepared' | 'startedAt' | 'transactionStartedAt' | 'queryStartedAt'> & {
  started: Date | null;
  transaction_started: Date | null;
  query_started: Date | null;
};

export async function listSessions(connection: LocalConnection, page: SessionPage = {}): Promise<SessionInfo[]> {
  const limit = Math.max(1, Math.min(mostAtOnce, page.limit ?? sessionsAtOnce));
  const values = [page.after?.startedAt ?? null, page.after?.pid ?? null, limit];
  const rows = await connection.query<SessionRow>(listSql, { values }).catch((error: unknown) => {
    if (!lacksLocks(error)) throw error;
    return connection.query<SessionRow>(listSql.replace('FROM pg_stat_activity', `FROM ${withoutNames}`), { values });
  });
  const waiting = rows.filter((row) => row.blockedBy.includes(noProcess)).map((row) => row.pid);
  const prepared = await preparedBlockers(connection, waiting);
  return rows.map(({ started, transaction_started, query_started, ...rest }) => ({
    ...rest,
    blockedByPrepared: prepared.get(rest.pid) ?? [],
    applicationName: rest.applicationName === '' ? null : rest.applicationName,
    startedAt: started?.toISOString() ?? null,
    transactionStartedAt: transaction_started?.toISOString() ?? null,
    queryStartedAt: query_started?.toISOString() ?? null,
  }));
}

/** Said when the lock table is full, too: then a superuser can't even look up whose session it ends. */
function lacksLocks(error: unknown): boolean {
  return sqlState(error) === '53200';
}

/**
 * Only client sessions, never ours. A commit that waits for a standby is terminated even when a cancel was asked for: cancelling it would
 * answer the client as if it were replicated. `signal`: what PostgreSQL itself would send, for a server that lacks locks to do it.
 */
export async function endSession(
  connection: LocalConnection,
  pid: number,
  mode: 'cancel' | 'terminate',
  signal: (pid: number, name: 'SIGINT' | 'SIGTERM') => boolean,
): Promise<boolean> {
  const [session] = await connection.query<{ wait_event: string | null }>(
    `SELECT wait_event FROM pg_stat_get_activity($1) WHERE backend_type = 'client backend' AND usesysid IS DISTINCT FROM ${superuserOid}`,
    { values: [pid] },
  );
  if (!session) return false;
  const terminate = mode === 'terminate' || session.wait_event === 'SyncRep';
  try {
    const [row] = await connection.query<{ ended: boolean }>(
      `SELECT ${terminate ? 'pg_terminate_backend' : 'pg_cancel_backend'}($1) AS ended`,
      { values: [pid] },
    );
    return row?.ended ?? false;
  } catch (error) {
    if (!lacksLocks(error)) throw error;
    return signal(pid, terminate ? 'SIGTERM' : 'SIGINT');
  }
}

/** Every client session, ours excepted. Clients see 57P01 and may connect again. */
export async function terminateSessions(connection: LocalConnection): Promise<number> {
  const rows = await connection.query<{ ended: number }>(
    `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))::int AS ended
       FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename IS DISTINCT FROM $1`,
    { values: [superuser] },
  );
  return rows[0]?.ended ?? 0;
}
