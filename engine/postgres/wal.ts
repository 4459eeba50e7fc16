/** WAL on disk, slots that hold it, and the archiver. */
import { withTimeout } from '../kernel/async';
import type { LsnText } from '../kernel/lsn';
import { inSqlSpan } from '../kernel/tracing';
import type { ArchiverStatus, WalStatus } from '../runtime/engine-api';
import { type LocalConnection, type LocalEndpoint, withFreshSession } from './connection';

type Archiver = ArchiverStatus & {
  readonly lastArchivedMs: number | null;
  readonly lastFailedMs: number | null;
  readonly sinceMs: number | null;
};

/** PostgreSQL hides the command of an archiver that is off, so there is no telling whether it has one then. */
const archiverSql = `(SELECT json_build_object(
    'mode', current_setting('archive_mode'),
    'target', CASE WHEN current_setting('archive_mode') = 'off' THEN NULL
                   WHEN current_setting('archive_library') <> '' THEN 'library'
                   WHEN current_setting('archive_command') NOT IN ('', '(disabled)') THEN 'command' END,
    'archivedCount', archived_count, 'lastArchivedWal', last_archived_wal, 'lastArchivedMs', extract(epoch FROM last_archived_time) * 1000,
    'failedCount', failed_count, 'lastFailedWal', last_failed_wal, 'lastFailedMs', extract(epoch FROM last_failed_time) * 1000,
    'sinceMs', extract(epoch FROM stats_reset) * 1000,
    'readyFiles', (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')) FROM pg_stat_archiver)`;

function archiverStatus({ lastArchivedMs, lastFailedMs, sinceMs, ...archiver }: Archiver): ArchiverStatus {
  const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return { ...archiver, lastArchivedAt: at(lastArchivedMs), lastFailedAt: at(lastFailedMs), since: at(sinceMs) };
}

type Conflicts = Omit<NonNullable<WalStatus['conflicts']>, 'since'> & { readonly sinceMs: number | null };

const conflictsSql = `(SELECT json_build_object(
    'tablespace', sum(c.confl_tablespace), 'lock', sum(c.confl_lock), 'snapshot', sum(c.confl_snapshot), 'bufferPin', sum(c.confl_bufferpin),
    'deadlock', sum(c.confl_deadlock), 'logicalSlot', sum(c.confl_active_logicalslot), 'sinceMs', extract(epoch FROM max(d.stats_reset)) * 1000)
    FROM pg_stat_database_conflicts AS c JOIN pg_stat_database AS d USING (datid))`;

function conflictCounts({ sinceMs, ...counts }: Conflicts): NonNullable<WalStatus['conflicts']> {
  return { ...counts, since: sinceMs === null ? null : new Date(sinceMs).toISOString() };
}

export async function walStatus(connection: LocalConnection): Promise<WalStatus> {
  const [row] = await connection.query<{
    current: LsnText | null;
    timeline: number;
    segments: number;
    archiver: Archiver;
    conflicts: Conflicts;
  }>(
    `SELECT coalesce(CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END, pg_last_wal_replay_lsn())::text AS current,
            CASE WHEN pg_is_in_recovery() THEN (SELECT greatest(timeline_id, min_recovery_end_timeline) FROM pg_control_checkpoint(), pg_control_recovery())
                 ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END AS timeline,
            (SELECT coalesce(sum(size), 0)::float8 FROM pg_ls_waldir()) AS segments,
            ${archiverSql} AS archiver, ${conflictsSql} AS conflicts`,
  );
  const slots = await connection.query<WalStatus['slots'][number]>(
    `SELECT slot_name AS name, active, restart_lsn::text AS "restartLsn", wal_status AS "walStatus",
            greatest(0, pg_wal_lsn_diff(coalesce(CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END, pg_last_wal_replay_lsn()), restart_lsn))::float8
              AS "retainedBytes"
       FROM pg_replication_slots ORDER BY slot_name`,
  );
  return {
    currentLsn: row?.current ?? null,
    timeline: row?.timeline ?? null,
    segmentsBytes: row?.segments ?? 0,
    slots,
    archiver: archiverStatus(row!.archiver),
    conflicts: conflictCounts(row!.conflicts),
  };
}

export async function switchWal(connection: LocalConnection): Promise<LsnText> {
  const [row] = await connection.query<{ lsn: LsnText }>('SELECT pg_switch_wal()::text AS lsn');
  return row!.lsn;
}

/** In a session of its own: nothing that a failover needs waits behind it. */
export async function checkpoint(endpoint: LocalEndpoint): Promise<void> {
  await withFreshSession(endpoint, (client) =>
    inSqlSpan('CHECKPOINT', () => withTimeout(client.query('CHECKPOINT'), 120_000, 'the checkpoint')),
  );
}
