/**
 * Unlogged tables of all databases of a primary: they are not replicated, so every change of primary and every crash empties them. Looked at with our
 * own pinned sessions, in catalogs only; nobody's lock is waited for.
 */
import type { UnloggedTables } from '../replication/model';
import { type LocalConnection, type LocalEndpoint, sqlState, withFreshSession } from './connection';

/** What a plan names in its sentence is bounded, and so is the time that looking takes. */
const databasesAtOnce = 32;
const lockTimeout = '200ms';

/** Counted rows where statistics have them, else the estimate of the last ANALYZE. */
const tablesSql = (bytes: string) => `
SELECT count(*)::int AS tables, coalesce(sum(greatest(pg_stat_get_live_tuples(oid)::float8, reltuples::float8, 0)), 0)::float8 AS rows,
       ${bytes} AS bytes
  FROM pg_catalog.pg_class WHERE relpersistence = 'u' AND relkind = 'r'`;

type Found = { tables: number; rows: number; bytes: number | null };

export async function unloggedTables(
  connection: LocalConnection,
  endpoint: LocalEndpoint,
): Promise<readonly UnloggedTables[]> {
  const databases = await connection.query<{ name: string }>(
    'SELECT datname AS name FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname LIMIT $1',
    { values: [databasesAtOnce] },
  );
  const found: UnloggedTables[] = [];
  for (const { name } of databases) {
    const one = await tablesOf({ ...endpoint, database: name, settings: { lock_timeout: lockTimeout } });
    if (one.tables > 0) found.push({ database: name, ...one });
  }
  return found;
}

function tablesOf(endpoint: LocalEndpoint): Promise<Found> {
  return withFreshSession(endpoint, async (client) => {
    const ask = async (bytes: string) => (await client.query<Found>(tablesSql(bytes))).rows[0]!;
    try {
      return await ask('coalesce(sum(pg_catalog.pg_total_relation_size(oid)), 0)::float8');
    } catch (error) {
      // Sizes need a lock that somebody's ALTER TABLE holds: lock_not_available.
      if (sqlState(error) !== '55P03') throw error;
      return ask('NULL::float8');
    }
  });
}
