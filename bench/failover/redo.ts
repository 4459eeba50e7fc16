/**
 * Makes a primary owe a long crash recovery: WAL of real rows since its last checkpoint, and what recovering it costs. The settings that allow it
 * are a group's own settings, set through the engine as an operator would.
 */
import pg from 'pg';
import { pollUntil } from '../../engine/kernel/async';
import { lagBytes } from '../../engine/kernel/lsn';
import type { ClusterDoor } from '../../engine/testing/cluster-door';
import { query } from '../../engine/testing/member-check';
import type { RealCluster } from '../../engine/testing/real-cluster';

const rowsPerStatement = 20_000;
const writers = 2;
const caughtUpBytes = 16 * 2 ** 20;

export async function allowMuchWal(door: ClusterDoor, group: string): Promise<void> {
  const operation = await door.startOperation({
    kind: 'change-settings',
    group,
    settings: { max_wal_size: '8GB', checkpoint_timeout: '1h' },
  });
  const ended = await door.finished(operation.id);
  if (ended.state !== 'succeeded') throw new Error(`settings: ${JSON.stringify(ended.error)}`);
}

/** WAL between the last checkpoint's redo point and the end, asked of the server itself. */
export async function walSinceCheckpoint(cluster: RealCluster, node: string): Promise<number> {
  const [row] = await query<{ bytes: string }>(
    await cluster.direct(node),
    'select pg_current_wal_lsn() - redo_lsn as bytes from pg_control_checkpoint()',
  );
  return Number(row?.bytes ?? 0);
}

/** Writes rows on the primary until it owes `bytes`; returns what it owes. Standbys have replayed nearly all of it then, as in steady state. */
export async function oweWal(cluster: RealCluster, node: string, bytes: number): Promise<number> {
  const config = await cluster.direct(node);
  await query(config, 'create table if not exists filler (id bigint, body text)');
  await query(config, 'truncate filler');
  let owed = await walSinceCheckpoint(cluster, node);
  const work = async () => {
    const client = new pg.Client(config);
    await client.connect();
    while (owed < bytes) {
      await client.query(
        `insert into filler select n, repeat(md5(n::text), 45) from generate_series(1, ${rowsPerStatement}) n`,
      );
      owed = await walSinceCheckpoint(cluster, node);
    }
    await client.end();
  };
  await Promise.all(Array.from({ length: writers }, work));
  await standbysNearlyThere(cluster, node);
  return walSinceCheckpoint(cluster, node);
}

async function standbysNearlyThere(cluster: RealCluster, primary: string): Promise<void> {
  const door = await cluster.door();
  await pollUntil(
    async () => {
      const { report } = await door.nodeView(primary);
      const lags = (report?.postgres.senders ?? []).map((sender) =>
        lagBytes(report?.postgres.lsn ?? null, sender.replayLsn),
      );
      return lags.length > 0 && lags.every((lag) => lag !== null && lag < caughtUpBytes) ? true : undefined;
    },
    { timeoutMs: 60_000, intervalMs: 100, what: 'standbys caught up' },
  );
}

/** How long the server's last redo took, by its own log: as a primary until "redo done", as a standby until it was consistent. Null: not logged. */
export async function lastRedoMs(door: ClusterDoor, node: string, sinceWallMs: number): Promise<number | null> {
  const about = async (contains: string) =>
    (await door.node(node, 'node.logs', { limit: 50, level: null, contains })).lines
      .map((line) => Date.parse(line.at))
      .filter((at) => at >= sinceWallMs)
      .sort((a, b) => a - b);
  const [begun] = await about('redo starts');
  if (begun === undefined) return null;
  const ends = [...(await about('redo done')), ...(await about('consistent recovery state'))].sort((a, b) => a - b);
  const ended = ends.find((at) => at > begun);
  return ended === undefined ? null : ended - begun;
}
