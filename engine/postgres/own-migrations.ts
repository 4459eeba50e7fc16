/**
 * What an area keeps inside PostgreSQL, by versioned steps that also reach installations of earlier releases. In database `postgres`, which no owner of an
 * application's objects may enter. Invariant: each step runs once per group and in order, in one transaction with the note that it ran.
 */
import type pg from 'pg';
import { ClusterError } from '../kernel/errors';
import { engineSchema } from './own-objects';

/** `sql` refers to its objects by `rustydb_engine.`; a step that was released is never changed. */
export type OwnMigration = { readonly version: number; readonly sql: string };

/** Any constant that nobody else uses: two agents of a group never migrate at once. */
const lockKey = 5_289_442_101;

/** @throws CONFLICT when a newer release has been here: its objects may mean something else */
export async function migrateOwn(client: pg.Client, area: string, migrations: readonly OwnMigration[]): Promise<void> {
  const newest = Math.max(0, ...migrations.map(({ version }) => version));
  const found = await versionOf(client, area);
  if (found > newest)
    throw new ClusterError(
      'CONFLICT',
      `The objects of ${area} in PostgreSQL are of format ${found}; this release knows ${newest}: run the newer release.`,
    );
  if (found === newest) return;
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_catalog.pg_advisory_xact_lock($1)', [lockKey]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${engineSchema}`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${engineSchema}.migration (area text PRIMARY KEY, version integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const from = await versionOf(client, area);
    for (const { version, sql } of migrations) if (version > from) await client.query(sql);
    await client.query(
      `INSERT INTO ${engineSchema}.migration VALUES ($1, $2) ON CONFLICT (area) DO UPDATE SET version = excluded.version, applied_at = now()`,
      [area, newest],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function versionOf(client: pg.Client, area: string): Promise<number> {
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT pg_catalog.to_regclass('${engineSchema}.migration') IS NOT NULL AS there`,
  );
  if (!rows[0]!.there) return 0;
  const known = await client.query<{ version: number }>(
    `SELECT version FROM ${engineSchema}.migration WHERE area = $1`,
    [area],
  );
  return known.rows[0]?.version ?? 0;
}
