/**
 * What the engine has inside the databases of a primary, kept as this release wants it, whichever release made it: settings of its logins that only a
 * role can carry, and its schema. Invariant: an unqualified name of somebody who signs in as the engine's superuser never lands among the
 * engine's own objects: no schema of ours is named like a role (`search_path` begins with "$user"). Every step looks first, so a repeat does nothing.
 */
import type pg from 'pg';
import { type LocalEndpoint, sqlState, withFreshSession } from './connection';
import { replicationUser, superuser } from './settings';

/** Effects that an operation applies by SQL are remembered there in the same transaction, so that a repeat finds its result. */
export const engineSchema = 'rustydb_engine';
export const appliedStepSql = `CREATE TABLE ${engineSchema}.applied_step (
     operation text NOT NULL, step integer NOT NULL, result jsonb, applied_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (operation, step));`;
/** Named like the superuser: what releases up to 0.1 made. */
const formerSchema = superuser;
const applicationDatabase = 'app';
/**
 * Of statements that people send: it may read, and nobody signs in as it. PostgreSQL lets every login make its own transactions writable, and with them make
 * temporary tables and large objects, call a SECURITY DEFINER function, or change its own password; no right that could be taken from it alone prevents it.
 */
export const queryRole = 'rustydb_query';

/**
 * The replication login is no superuser, so its sessions can't pin these themselves. With `log_statement = all` the queries by which standbys copy slots
 * would be in the log several times a second.
 */
export const replicationRoleSettings: Readonly<Record<string, string>> = {
  log_statement: 'none',
  log_min_duration_statement: '-1',
  log_min_duration_sample: '-1',
  log_transaction_sample_rate: '0',
  log_duration: 'off',
  log_replication_commands: 'off',
  event_triggers: 'off',
};

/** All settings that the engine itself gives its logins, as `role name=value`. */
export const ownRoleSettings: readonly string[] = [
  'rustydb_query default_transaction_read_only=on',
  ...Object.entries(replicationRoleSettings).map(([name, value]) => `${replicationUser} ${name}=${value}`),
];

export const replicationRoleSql: readonly string[] = [
  ...Object.entries(replicationRoleSettings).map(
    ([name, value]) => `ALTER ROLE ${replicationUser} SET ${name} = '${value}';`,
  ),
  // Standbys copy slots through an ordinary session: clients that take all connections must not keep it out.
  `GRANT pg_use_reserved_connections TO ${replicationUser};`,
];

/** In a session of its own; nobody's lock is waited for long. Answers what was changed, for the log. */
export async function keepOwnObjects(endpoint: LocalEndpoint): Promise<readonly string[]> {
  const settings = { ...endpoint.settings, lock_timeout: '1s' };
  const roles = await withFreshSession({ ...endpoint, settings }, keepReplicationRole);
  const query = await withFreshSession({ ...endpoint, settings }, keepQueryRole);
  const schema = await withFreshSession({ ...endpoint, settings, database: applicationDatabase }, moveSchema).catch(
    (error: unknown) => {
      // Whoever dropped database `app` has no schema of ours.
      if (sqlState(error) === '3D000') return [];
      throw error;
    },
  );
  return [...roles, ...query, ...schema];
}

async function keepReplicationRole(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ set: string[]; reserved: boolean }>(
    `SELECT coalesce((SELECT setconfig FROM pg_catalog.pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0), '{}') AS set,
            pg_catalog.pg_has_role(r.oid, 'pg_use_reserved_connections', 'MEMBER') AS reserved
       FROM pg_catalog.pg_roles AS r WHERE rolname = $1`,
    [replicationUser],
  );
  const [role] = rows;
  if (!role) return [];
  const missing = Object.entries(replicationRoleSettings).some(
    ([name, value]) => !role.set.includes(`${name}=${value}`),
  );
  if (!missing && role.reserved) return [];
  for (const statement of replicationRoleSql) await client.query(statement);
  return [`settings of ${replicationUser}`];
}

/** Earlier releases let it sign in. */
async function keepQueryRole(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query('SELECT FROM pg_catalog.pg_roles WHERE rolname = $1 AND rolcanlogin', [
    queryRole,
  ]);
  if (rows.length === 0) return [];
  await client.query(`ALTER ROLE ${queryRole} NOLOGIN PASSWORD NULL`);
  await client.query(
    'SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = $1',
    [queryRole],
  );
  return [`${queryRole} can't sign in`];
}

type Found = { former: boolean; table: boolean; schema: boolean; moved: boolean };

const foundSql = `
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner WHERE nspname = $1 AND rolname = $3) AS former,
       pg_catalog.to_regclass(pg_catalog.quote_ident($1) || '.applied_step') IS NOT NULL AS table,
       pg_catalog.to_regnamespace($2) IS NOT NULL AS schema,
       pg_catalog.to_regclass(pg_catalog.quote_ident($2) || '.applied_step') IS NOT NULL AS moved`;

/** Our table alone moves: what a DBA's unqualified CREATE TABLE left there stays where its owner finds it, and so does the schema then. */
async function moveSchema(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<Found>(foundSql, [formerSchema, engineSchema, superuser]);
  const found = rows[0]!;
  if (!found.former || !found.table) return [];
  await client.query('BEGIN');
  if (!found.schema) await client.query(`CREATE SCHEMA ${engineSchema}`);
  if (!found.moved) await client.query(`ALTER TABLE ${formerSchema}.applied_step SET SCHEMA ${engineSchema}`);
  await client.query('COMMIT');
  try {
    await client.query(`DROP SCHEMA ${formerSchema} RESTRICT`);
    return [`schema ${formerSchema} is ${engineSchema} now`];
  } catch (error) {
    // dependent_objects_still_exist
    if (sqlState(error) !== '2BP01') throw error;
    return [`${engineSchema} holds the engine's table; schema ${formerSchema} stays, it has objects of others`];
  }
}
