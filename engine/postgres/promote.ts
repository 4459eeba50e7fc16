/** Promotion of a standby. `pg_promote(wait => true)` looks every 100 ms; asking ourselves is faster. */
import { delay } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import type { LsnText } from '../kernel/lsn';
import type { LocalConnection } from './connection';
import { readTimelineHistory } from './control-data';
import { markTimelines } from './timeline-reservations';

export async function promote(
  connection: LocalConnection,
  dataDirectory: string,
  timeoutMs: number,
  /** The lowest timeline number the promotion may take. */
  timeline?: number,
): Promise<{ timeline: number; forkLsn: LsnText }> {
  const deadline = performance.now() + timeoutMs;
  const [before] = await connection.query<{ recovering: boolean }>('SELECT pg_is_in_recovery() AS recovering');
  // A repeat after a lost answer finds a primary: it answers what the first call did.
  if (before?.recovering) {
    if (timeline !== undefined) await reserveTimelines(connection, dataDirectory, timeline);
    await connection.query('SELECT pg_promote(false)');
  }
  for (;;) {
    const [row] = await connection.query<{ file: string | null }>(
      'SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END AS file',
      { name: 'promoted' },
    );
    if (row?.file) return forkOf(dataDirectory, Number.parseInt(row.file.slice(0, 8), 16));
    if (performance.now() > deadline) throw new ClusterError('TIMEOUT', `not promoted after ${timeoutMs} ms`);
    await delay(3);
  }
}

/**
 * PostgreSQL takes the first number above its own that has no history file. A promotion that died may have used that number on a server that is
 * gone: two histories under one number could not be told apart. An empty file marks each number below `timeline` as taken.
 */
async function reserveTimelines(connection: LocalConnection, dataDirectory: string, timeline: number): Promise<void> {
  const [row] = await connection.query<{ current: number }>(
    'SELECT timeline_id AS current FROM pg_control_checkpoint()',
  );
  const current = row?.current ?? timeline;
  await markTimelines(dataDirectory, current + 1, timeline);
}

async function forkOf(dataDirectory: string, timeline: number): Promise<{ timeline: number; forkLsn: LsnText }> {
  const last = (await readTimelineHistory(dataDirectory, timeline)).at(-1);
  return { timeline, forkLsn: last?.forkLsn ?? '0/0' };
}
