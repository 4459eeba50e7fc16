/** Where a standby stands. Its receive position is behind or absent after a restart without a primary, so replay counts too. */
import { delay } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import { formatLsn, type LsnText, maxLsn, parseLsn } from '../kernel/lsn';
import type { StandbyPosition } from './api';
import type { LocalConnection } from './connection';
import { killQuietly } from './processes';
import { terminateSessions } from './sessions';

/** One look at recovery. `startupWaits`: the startup process has nothing left to replay; `startupRetries`: it has tried every source in vain. */
export type RecoveryLook = StandbyPosition & {
  readonly receiverGone: boolean;
  readonly receiverPid: number | null;
  /** The worker that copies slots has its connection from the same place. */
  readonly copierPid: number | null;
  readonly startupWaits: boolean;
  readonly startupRetries: boolean;
  readonly paused: boolean;
  /** Replay waits for a reader's snapshot, lock or buffer pin. */
  readonly conflicts: boolean;
};

/** Readers may hold replay up this long while a promise is due; then their sessions end. */
const readerPatienceMs = 150;
/** Five times wal_retrieve_retry_interval: in it the startup process has read pg_wal to its end several times. */
const tornTailMs = 250;
/** The worker that copies slots gets so long to notice that there is nobody to copy from. */
const copierPatienceMs = 60;

/**
 * The control file learns a new timeline only at the next restartpoint and the walreceiver's word ends with it; what was received is in the names of the
 * WAL files. Looked at only without a walreceiver, as a listing is dearer than a view.
 */
export const walFilesTimelineSql = `(CASE WHEN NOT EXISTS (SELECT FROM pg_stat_wal_receiver)
       THEN (SELECT max(('x' || substr(name, 1, 8))::bit(32)::int) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$') END)`;

// A primary's timeline is in its WAL file names; a standby's is the newest of what it receives and what its control file knows.
const lookSql = `
SELECT r.recovering,
       CASE WHEN NOT r.recovering THEN ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int
            ELSE greatest((SELECT received_tli FROM pg_stat_wal_receiver),
                          (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
                          (SELECT timeline_id FROM pg_control_checkpoint()),
                          ${walFilesTimelineSql}) END AS timeline,
       pg_last_wal_receive_lsn()::text AS receive,
       pg_last_wal_replay_lsn()::text AS replay,
       CASE WHEN NOT r.recovering THEN pg_current_wal_flush_lsn()::text END AS written,
       CASE WHEN r.recovering THEN pg_is_wal_replay_paused() ELSE false END AS paused,
       coalesce((SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver' LIMIT 1),
                (SELECT pid FROM pg_stat_wal_receiver)) AS receiver_pid,
       (SELECT pid FROM pg_stat_activity WHERE backend_type = 'slotsync worker' LIMIT 1) AS copier_pid,
       EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup'
                AND wait_event IN ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream')) AS startup_waits,
       EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup'
                AND wait_event = 'RecoveryRetrieveRetryInterval') AS startup_retries,
       EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup'
                AND (wait_event LIKE 'RecoveryConflict%' OR wait_event_type IN ('Lock', 'BufferPin'))) AS conflicts
  FROM (SELECT pg_is_in_recovery() AS recovering) AS r`;

export async function lookAtRecovery(connection: LocalConnection): Promise<RecoveryLook> {
  const [row] = await connection.query<{
    recovering: boolean;
    timeline: number;
    receive: LsnText | null;
    replay: LsnText | null;
    written: LsnText | null;
    paused: boolean;
    receiver_pid: number | null;
    copier_pid: number | null;
    startup_waits: boolean;
    startup_retries: boolean;
    conflicts: boolean;
  }>(lookSql, { name: 'recovery-look' });
  if (!row) throw new ClusterError('INTERNAL', 'no row');
  return {
    inRecovery: row.recovering,
    timeline: row.timeline,
    receiveLsn: row.receive,
    replayLsn: row.replay,
    lsn: row.written ?? farthest(row.receive, row.replay),
    receiverGone: row.receiver_pid === null,
    receiverPid: row.receiver_pid,
    copierPid: row.copier_pid,
    startupWaits: row.startup_waits,
    startupRetries: row.startup_retries,
    paused: row.paused,
    conflicts: row.conflicts,
  };
}

function farthest(a: LsnText | null, b: LsnText | null): LsnText {
  return formatLsn(maxLsn(a === null ? 0n : parseLsn(a), b === null ? 0n : parseLsn(b)));
}

export function bare(look: RecoveryLook): StandbyPosition {
  const { inRecovery, timeline, receiveLsn, replayLsn, lsn } = look;
  return { inRecovery, timeline, receiveLsn, replayLsn, lsn };
}

/**
 * For a standby whose primary_conninfo is already empty: ends the walreceiver, waits until it is gone and the startup process has replayed all local
 * WAL. Two looks in a row must agree: between the receiver's end and the startup process's next read of pg_wal a single look can be too early.
 * A primary sends whole pages, so one that died in mid-sentence leaves a record without its end, which is never replayed (and was never
 * acknowledged): then replay stands still short of what was received, and the startup process goes round its sources in vain.
 */
export async function settle(
  connection: LocalConnection,
  timeoutMs: number,
  /** `received`: where local WAL ends is enough, once that is known without replaying it. */
  until: 'replayed' | 'received' = 'replayed',
): Promise<StandbyPosition> {
  const deadline = performance.now() + timeoutMs;
  let previous: RecoveryLook | null = null;
  let conflictSince: number | null = null;
  const copierUntil = performance.now() + copierPatienceMs;
  let still: { readonly replayLsn: LsnText | null; readonly lsn: LsnText; readonly since: number } | null = null;
  for (;;) {
    const look: RecoveryLook = await lookAtRecovery(connection);
    if (!look.inRecovery) return bare(look);
    // The startup process ends it only between two records; while replay is paused or waits for a reader that is never.
    if (look.receiverPid !== null) killQuietly(look.receiverPid, 'SIGTERM');
    // It ends by itself without a source; not while it waits for an answer of a primary that gives none.
    if (look.copierPid !== null && performance.now() > copierUntil) killQuietly(look.copierPid, 'SIGTERM');
    const gone = look.receiverGone && look.copierPid === null;
    const quiet = gone && look.startupWaits && look.replayLsn === look.lsn;
    // Replay that an operator paused doesn't reach the end; what was received is on disk all the same.
    const mayStop = look.paused || until === 'received';
    const pausedWithReceipt = gone && mayStop && look.receiveLsn !== null;
    if ((quiet || pausedWithReceipt) && previous && previous.lsn === look.lsn && previous.receiverGone)
      return bare(look);
    previous = quiet || pausedWithReceipt ? look : null;
    const stands = gone && !look.paused && !look.conflicts;
    const moved = still?.replayLsn !== look.replayLsn || still?.lsn !== look.lsn;
    if (!stands) still = null;
    else if (still === null || moved) still = { replayLsn: look.replayLsn, lsn: look.lsn, since: performance.now() };
    else if (look.startupRetries && performance.now() - still.since >= tornTailMs) return bare(look);
    conflictSince = look.conflicts ? (conflictSince ?? performance.now()) : null;
    if (conflictSince !== null && performance.now() - conflictSince > readerPatienceMs)
      await terminateSessions(connection);
    if (performance.now() > deadline) {
      const runs = look.receiverGone ? 'the worker that copies slots' : 'the walreceiver';
      const why = gone ? `replay stands at ${look.replayLsn}, received ${look.receiveLsn}` : `${runs} still runs`;
      throw new ClusterError('TIMEOUT', `the standby did not come to rest in ${Math.round(timeoutMs)} ms: ${why}`);
    }
    await delay(previous ? 12 : 5);
  }
}

/** A process of these that is not listed yet has not read its target: it reads what the service file says then. */
export async function endReceivers(connection: LocalConnection): Promise<void> {
  const running = await connection.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'`,
    { name: 'receivers' },
  );
  for (const { pid } of running) killQuietly(pid, 'SIGTERM');
}

export async function waitForReplay(connection: LocalConnection, lsn: LsnText, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const [row] = await connection.query<{ reached: boolean; replay: string | null }>(
      `SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= $1::pg_lsn AS reached, pg_last_wal_replay_lsn()::text AS replay`,
      { values: [lsn], name: 'replay-reached' },
    );
    if (row?.reached) return;
    if (performance.now() > deadline)
      throw new ClusterError('TIMEOUT', `replay stands at ${row?.replay}, ${lsn} was not reached in ${timeoutMs} ms`);
    await delay(5);
  }
}

/** Nothing is received any more, then where local WAL ends. One look is enough where receipt was closed before (after a promise). */
export async function endOfReceipt(
  connection: LocalConnection,
  close: () => Promise<void>,
  timeoutMs: number,
): Promise<StandbyPosition> {
  const look = await lookAtRecovery(connection);
  const [row] = await connection.query<{ open: boolean }>(`SELECT current_setting('primary_conninfo') <> '' AS open`);
  if (row?.open) await close();
  else if (look.receiverGone && look.copierPid === null && look.receiveLsn !== null) return bare(look);
  return settle(connection, timeoutMs, 'received');
}
