/** Prepared transactions of this node's own PostgreSQL: what each holds, who waits for it, how long it keeps vacuum and WAL back. */

import type { NodeId } from '../kernel/ids';
import type { LocalConnection } from '../postgres/connection';
import type { PreparedTransaction } from './door';
import { preparedRow } from './postgres-manager';

/** A prepared transaction's locks stand under one virtual transaction without a process; one of them is that on its own number. */
const preparedSql = `
WITH shown AS (SELECT * FROM pg_catalog.pg_prepared_xacts ORDER BY prepared, gid LIMIT $1),
     own AS (SELECT p.gid, l.virtualtransaction
               FROM shown p JOIN pg_catalog.pg_locks l
                 ON l.pid IS NULL AND l.locktype = 'transactionid' AND l.transactionid = p.transaction AND l.granted),
     held AS (SELECT own.gid, count(*)::int AS locks FROM own JOIN pg_catalog.pg_locks l ON l.pid IS NULL AND l.virtualtransaction = own.virtualtransaction
               GROUP BY own.gid),
     waits AS (SELECT own.gid, array_agg(DISTINCT w.pid) AS pids
                 FROM own
                 JOIN pg_catalog.pg_locks h ON h.pid IS NULL AND h.granted AND h.virtualtransaction = own.virtualtransaction
                 JOIN pg_catalog.pg_locks w ON NOT w.granted AND w.pid IS NOT NULL AND w.locktype = h.locktype
                  AND (w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
                      IS NOT DISTINCT FROM
                      (h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
                GROUP BY own.gid)
SELECT p.gid, p.owner, p.database, p.prepared, extract(epoch FROM now() - p.prepared)::float8 * 1000 AS age_ms, held.locks,
       coalesce(waits.pids, '{}') AS pids, pg_catalog.age(p.transaction) AS horizon, (SELECT count(*)::int FROM pg_catalog.pg_prepared_xacts) AS total
  FROM shown p LEFT JOIN held USING (gid) LEFT JOIN waits USING (gid) ORDER BY p.prepared, p.gid`;

type FoundRow = {
  gid: string;
  owner: string;
  database: string;
  prepared: Date;
  age_ms: number;
  locks: number | null;
  pids: number[];
  horizon: number;
  total: number;
};

export async function preparedHere(
  connection: LocalConnection,
  place: { readonly node: NodeId; readonly group: string; readonly cluster: string },
  limit: number,
): Promise<{ readonly prepared: readonly PreparedTransaction[]; readonly total: number }> {
  const rows = await connection.query<FoundRow>(preparedSql, { values: [limit], timeoutMs: 10_000 });
  const prepared = rows.map((row) => ({
    ...preparedRow(place.group, place.cluster, row),
    node: place.node,
    locks: row.locks,
    waitingPids: row.pids,
    horizonTransactions: row.horizon,
  }));
  return { prepared, total: rows[0]?.total ?? 0 };
}
