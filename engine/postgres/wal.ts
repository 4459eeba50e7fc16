/** WAL on disk, slots that hold it, and the archiver. */
import type { LsnText } from '../kernel/lsn';
import type { WalStatus } from '../runtime/engine-api';
import type { LocalConnection } from './connection';

export async function walStatus(connection: LocalConnection): Promise<WalStatus> {
  const [row] = await connection.query<{
    current: LsnText | null;
    timeline: number;
    segments: number;
    mode: string;
    archived: string | null;
    failed: number;
  }>(
    `SELECT coalesce(CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END, pg_last_wal_replay_lsn())::text AS current,
            CASE WHEN pg_is_in_recovery() THEN (SELECT greatest(timeline_id, min_recovery_end_timeline) FROM pg_control_checkpoint(), pg_control_recovery())
                 ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END AS timeline,
            (SELECT coalesce(sum(size), 0)::float8 FROM pg_ls_waldir()) AS segments,
            current_setting('archive_mode') AS mode,
            (SELECT last_archived_wal FROM pg_stat_archiver) AS archived,
            (SELECT failed_count::float8 FROM pg_stat_archiver) AS failed`,
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
    archiver: { mode: row?.mode ?? 'off', lastArchivedWal: row?.archived ?? null, failedCount: row?.failed ?? 0 },
  };
}

export async function switchWal(connection: LocalConnection): Promise<LsnText> {
  const [row] = await connection.query<{ lsn: LsnText }>('SELECT pg_switch_wal()::text AS lsn');
  return row!.lsn;
}
