/**
 * The stop of a whole installation leaves a standby nothing to replay: the primary flushes what it has and stops, the standbys go on until they have
 * replayed its shutdown checkpoint, and their own stop then makes a restartpoint there. Without that order a standby begins its next start at the last
 * checkpoint it happened to have, up to max_wal_size before the end, and its group is not protected until all of it is replayed. Bounded: whatever is
 * not done in time is only slower at the next start.
 */
import type { PostgresReport } from '../cluster/model';
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { Loop } from '../kernel/loop';
import { pollUntil, withTimeout } from '../kernel/waiting';
import type { PostgresServer } from '../postgres/api';
import type { StandbyStop } from './standby-stop';

/** Writes go on meanwhile; what it leaves the stop itself has to flush. */
const checkpointMs = 10_000;
/** The primary's checkpoint and stop, and the rest of the replay. */
const standbyMs = 25_000;

export async function beforeOrderedStop(means: {
  readonly postgres: Pick<PostgresServer, 'report' | 'checkpoint'>;
  readonly logger: Logger;
  readonly loop: Loop;
  readonly primaryStopsToo: boolean;
  readonly standbyStop: Pick<StandbyStop, 'prepare'>;
}): Promise<void> {
  const { postgres, logger } = means;
  try {
    const { state } = await postgres.report();
    if (state === 'primary') {
      logger.info('flushes everything before its stop');
      await withTimeout(means.loop, postgres.checkpoint(), checkpointMs, 'the checkpoint before the stop');
    } else if (state === 'standby' && means.primaryStopsToo) {
      logger.info('goes on until the primary has stopped and its last checkpoint is replayed');
      await untilPrimaryIsReplayed(means);
    } else if (state === 'standby') {
      await means.standbyStop.prepare();
    }
  } catch (error) {
    logger.warn(
      { error: messageOf(error) },
      'stops although not everything is flushed or replayed; the next start takes longer',
    );
  }
}

/** Two looks must agree: between the end of the walreceiver and the replay of its last record one may come too early. */
async function untilPrimaryIsReplayed(means: Parameters<typeof beforeOrderedStop>[0]): Promise<void> {
  let before: string | null = null;
  await pollUntil(
    means.loop,
    async () => {
      const report = await means.postgres.report();
      const at = restsAt(report);
      const rests = at !== null && at === before;
      before = at;
      return rests || undefined;
    },
    { timeoutMs: standbyMs, intervalMs: 100, what: 'the last checkpoint of the primary is replayed' },
  );
}

/** Nothing comes any more and all that came is replayed; null: not so. */
export function restsAt(
  report: Pick<PostgresReport, 'state' | 'walReceiver' | 'receiveLsn' | 'replayLsn'>,
): string | null {
  if (report.state !== 'standby') return 'no standby any more';
  if (report.walReceiver?.status === 'streaming' || report.replayLsn === null) return null;
  return report.receiveLsn === null || report.receiveLsn === report.replayLsn ? report.replayLsn : null;
}
