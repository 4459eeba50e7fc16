/**
 * Which prepared transaction a session waits for. PostgreSQL itself says only "process 0": a prepared transaction has no process, and nobody can end what has
 * none; it is committed or rolled back by its name (gid). Found by its locks: all stand
 * under one virtual transaction, and one of them is that on its own number.
 */
import type { PreparedBlocker } from '../runtime/engine-api';
import type { LocalConnection } from './connection';

/** The process id that `pg_blocking_pids` answers for a prepared transaction. */
export const noProcess = 0;

/** Which held mode keeps which wanted one out: PostgreSQL's table of lock conflicts. */
const conflicts = `
VALUES ('AccessShareLock', '{AccessExclusiveLock}'::text[]),
       ('RowShareLock', '{ExclusiveLock,AccessExclusiveLock}'),
       ('RowExclusiveLock', '{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
       ('ShareUpdateExclusiveLock', '{ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
       ('ShareLock', '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
       ('ShareRowExclusiveLock', '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
       ('ExclusiveLock', '{RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
       ('AccessExclusiveLock', '{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}')`;

const blockersSql = `
WITH conflict(wanted, held) AS (${conflicts})
SELECT DISTINCT waits.pid, p.gid, p.owner, p.database, p.prepared
  FROM pg_locks waits
  JOIN conflict ON conflict.wanted = waits.mode
  JOIN pg_locks holds
    ON holds.pid IS NULL AND holds.granted AND holds.mode = ANY (conflict.held) AND holds.locktype = waits.locktype
   AND (holds.database, holds.relation, holds.page, holds.tuple, holds.virtualxid, holds.transactionid, holds.classid, holds.objid, holds.objsubid)
       IS NOT DISTINCT FROM
       (waits.database, waits.relation, waits.page, waits.tuple, waits.virtualxid, waits.transactionid, waits.classid, waits.objid, waits.objsubid)
  JOIN pg_locks own
    ON own.pid IS NULL AND own.locktype = 'transactionid' AND own.virtualtransaction = holds.virtualtransaction
  JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
 WHERE NOT waits.granted AND waits.pid = ANY ($1::int[])
 ORDER BY p.prepared, p.gid`;

type Row = Omit<PreparedBlocker, 'preparedAt'> & { readonly pid: number; readonly prepared: Date };

/** By the waiting session's process id. Only for sessions that PostgreSQL says are blocked by process 0: none, no question. */
export async function preparedBlockers(
  connection: LocalConnection,
  waiting: readonly number[],
): Promise<ReadonlyMap<number, readonly PreparedBlocker[]>> {
  const found = new Map<number, PreparedBlocker[]>();
  if (waiting.length === 0) return found;
  for (const { pid, prepared, gid, owner, database } of await connection.query<Row>(blockersSql, {
    values: [waiting],
  })) {
    found.set(pid, [...(found.get(pid) ?? []), { gid, owner, database, preparedAt: prepared.toISOString() }]);
  }
  return found;
}
