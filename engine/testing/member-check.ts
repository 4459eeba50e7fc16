/**
 * Looks at every member of a group itself, past router and API: waits until it has replayed what the primary had when asked, then compares.
 * The check that no acknowledged write is lost stands on this.
 */
import pg from 'pg';
import { pollUntil } from '../kernel/async';
import type { RealCluster } from './real-cluster';

export type MemberContent = { readonly node: string; readonly rows: number; readonly checksum: string };

/** The group's settings may say "serializable", with which a standby answers nothing. Not in `options`: reset_val stays the group's. */
export async function readCommitted(client: pg.Client): Promise<void> {
  await client.query("set default_transaction_isolation = 'read committed'");
}

/** One query on a connection of its own. */
export async function query<R extends pg.QueryResultRow>(
  config: pg.ClientConfig,
  text: string,
  values: unknown[] = [],
): Promise<R[]> {
  const client = new pg.Client({ connectionTimeoutMillis: 10_000, ...config });
  client.on('error', () => {});
  await client.connect();
  try {
    await readCommitted(client);
    return (await client.query<R>(text, values)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Resolves when every member has replayed everything that was committed before the call; answers the members, the primary first. */
export async function everyMemberCaughtUp(
  cluster: RealCluster,
  group: string,
  timeoutMs: number,
): Promise<readonly string[]> {
  const door = await cluster.door();
  const view = await door.view();
  const primary = await door.primary(group);
  const members = view.nodes.filter((node) => node.record.group === group).map((node) => node.record.id);
  const [{ lsn } = { lsn: '0/0' }] = await query<{ lsn: string }>(
    await cluster.direct(primary),
    'select pg_current_wal_lsn()::text as lsn',
  );
  const standbys = members.filter((node) => node !== primary);
  for (const node of standbys) {
    await pollUntil(
      async () => {
        const [row] = await query<{ reached: boolean; at: string }>(
          await cluster.direct(node),
          'select pg_last_wal_replay_lsn() >= $1::pg_lsn as reached, pg_last_wal_replay_lsn()::text as at',
          [lsn],
        );
        if (row?.reached !== true) throw new Error(`${node} has replayed ${row?.at}, wanted ${lsn}`);
        return true;
      },
      { timeoutMs, intervalMs: 50, what: `${node} replayed up to ${lsn}` },
    );
  }
  return [primary, ...standbys];
}

/** The same rows on every member, as counts and a checksum that does not depend on order; call when nobody writes. */
export async function contentOf(cluster: RealCluster, node: string, table: string): Promise<MemberContent> {
  const [row] = await query<{ rows: string; checksum: string }>(
    await cluster.direct(node),
    `select count(*) as rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text as checksum from ${pg.escapeIdentifier(table)} t`,
  );
  return { node, rows: Number(row?.rows ?? 0), checksum: row?.checksum ?? '' };
}
