/** Promotion of a standby. `pg_promote(wait => true)` looks every 100 ms; asking ourselves is faster. */
import { delay } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import type { LsnText } from '../kernel/lsn';
import type { LocalConnection } from './connection';
import { readTimelineHistory } from './control-data';

export async function promote(
  connection: LocalConnection,
  dataDirectory: string,
  timeoutMs: number,
): Promise<{ timeline: number; forkLsn: LsnText }> {
  const deadline = performance.now() + timeoutMs;
  const [before] = await connection.query<{ recovering: boolean }>('SELECT pg_is_in_recovery() AS recovering');
  // A repeat after a lost answer finds a primary: it answers what the first call did.
  if (before?.recovering) await connection.query('SELECT pg_promote(false)');
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

async function forkOf(dataDirectory: string, timeline: number): Promise<{ timeline: number; forkLsn: LsnText }> {
  const last = (await readTimelineHistory(dataDirectory, timeline)).at(-1);
  return { timeline, forkLsn: last?.forkLsn ?? '0/0' };
}
