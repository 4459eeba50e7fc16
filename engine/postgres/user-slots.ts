/**
 * Replication slots as they stand on this server: read, and those of users made and dropped. The members' own slots are slots.ts's. Invariant: nothing
 * here touches a slot that begins with our prefix, and no slot that somebody uses is taken away.
 */
import type pg from 'pg';
import { ClusterError, type Reason } from '../kernel/errors';
import { enginePrefix } from '../replication/core/slot-rules';
import type { NodeSlots, SlotInfo, SlotSpec } from '../replication/model';
import { type LocalConnection, type LocalEndpoint, sqlState, withFreshSession } from './connection';

/** A logical slot begins where every transaction that runs now has ended. */
const creationTimeoutMs = 10_000;

const slotColumns = `
  slot_name AS name, slot_type AS type, plugin, database, temporary, active, active_pid AS "activePid", restart_lsn::text AS "restartLsn",
  confirmed_flush_lsn::text AS "confirmedFlushLsn", wal_status AS "walStatus", safe_wal_size::float8 AS "safeWalBytes",
  greatest(0, pg_wal_lsn_diff(here.lsn, restart_lsn))::float8 AS "retainedBytes", catalog_xmin::text::float8 AS "catalogXmin",
  to_char(inactive_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "inactiveSince", invalidation_reason AS "invalidationReason",
  failover, synced AND pg_is_in_recovery() AS synced, two_phase AS "twoPhase"`;

const here = `(SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                             ELSE pg_current_wal_lsn() END AS lsn) AS here`;

const listSql = `
SELECT pg_is_in_recovery() AS "inRecovery", current_setting('wal_level') AS "walLevel", current_setting('max_replication_slots')::int AS "slotLimit",
       CASE current_setting('max_slot_wal_keep_size') WHEN '-1' THEN NULL ELSE pg_size_bytes(current_setting('max_slot_wal_keep_size'))::float8 END AS "walKeepBytes",
       (SELECT coalesce(json_agg(datname ORDER BY datname), '[]') FROM pg_database WHERE datallowconn AND NOT datistemplate) AS databases,
       (SELECT coalesce(json_agg(s ORDER BY s.name), '[]') FROM (SELECT ${slotColumns} FROM pg_replication_slots, ${here}) AS s) AS slots`;

/** For a node's report: bounded, failover slots first, because candidates are compared by them, then what keeps most; temporary ones end with their session. */
export const reportedSlotsSql = `
(SELECT coalesce(json_agg(s), '[]') FROM (
   SELECT slot_name AS name, active, synced AND pg_is_in_recovery() AS synced, wal_status AS "walStatus",
          greatest(0, pg_wal_lsn_diff(here.lsn, restart_lsn))::float8 AS "retainedBytes",
          invalidation_reason AS "invalidationReason", failover
     FROM pg_replication_slots, ${here} WHERE NOT temporary ORDER BY failover DESC, 5 DESC NULLS LAST, 1 LIMIT 64) AS s)`;

export async function listSlots(connection: LocalConnection): Promise<NodeSlots> {
  const [row] = await connection.query<NodeSlots>(listSql, { name: 'slots' });
  return row!;
}

export async function createSlot(
  connection: LocalConnection,
  endpoint: LocalEndpoint,
  spec: SlotSpec,
): Promise<SlotInfo> {
  const session = spec.database === null ? endpoint : { ...endpoint, database: spec.database };
  try {
    const bounded = { ...session, settings: { statement_timeout: String(creationTimeoutMs) } };
    await withFreshSession(bounded, async (client) => {
      if (spec.type === 'physical')
        return client.query('SELECT pg_catalog.pg_create_physical_replication_slot($1::name, true)', [spec.name]);
      // Qualified and cast: this is a superuser in a user's database, where others may own functions of the same name.
      await client.query(
        'SELECT pg_catalog.pg_create_logical_replication_slot($1::name, $2::name, false, $3::boolean, $4::boolean)',
        [spec.name, spec.plugin, spec.twoPhase, spec.failover],
      );
      if (spec.failover) await moveOnce(client, spec.name);
    });
  } catch (error) {
    throw await refused(connection, spec, error);
  }
  const made = (await listSlots(connection)).slots.find((slot) => slot.name === spec.name);
  if (!made) throw new ClusterError('CONFLICT', `Slot ${spec.name} was dropped again meanwhile.`);
  return made;
}

/**
 * A standby keeps a copy only once the slot stands where the standby itself could have begun. A new slot stands a little before, and would get there
 * with the first reads of its consumer; nobody has read from it yet, so it may as well go there now.
 */
async function moveOnce(client: pg.Client, name: string): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await client.query('SELECT pg_catalog.pg_log_standby_snapshot()');
    // A slot moves as far as WAL is flushed, and nothing has committed that would flush it.
    await client.query("SELECT pg_catalog.pg_logical_emit_message(false, 'rustydb'::text, ''::text, true)");
    await client.query(
      'SELECT pg_catalog.pg_replication_slot_advance($1::name, pg_catalog.pg_current_wal_flush_lsn())',
      [name],
    );
  }
}

async function refused(connection: LocalConnection, spec: SlotSpec, error: unknown): Promise<unknown> {
  const words = error instanceof Error ? error.message : String(error);
  const because = (rule: string, measured: string, limit: string, remedy: string): Reason[] => [
    { rule, measured, limit, remedy },
  ];
  switch (sqlState(error)) {
    case '42710':
      return new ClusterError('CONFLICT', `There is a slot ${spec.name} already.`, {
        reasons: because('slot-name-taken', 'taken', 'free', 'Choose another name, or drop that slot first.'),
      });
    case '53400':
      return new ClusterError('CONFLICT', 'All replication slots are in use.', {
        reasons: because('slots-left', 'none', '1', 'Drop a slot that nobody uses, or raise max_replication_slots.'),
      });
    case '3D000':
      return new ClusterError('INVALID_INPUT', `There is no database ${spec.database}.`);
    case '58P01':
    case '42704':
    case '42883':
      return new ClusterError('INVALID_INPUT', `PostgreSQL has no output plugin ${spec.plugin}: ${words}`);
    case '55000':
      return new ClusterError('CONFLICT', `PostgreSQL refuses the slot: ${words}`, {
        reasons: because(
          'server-allows',
          words,
          'a server that takes slots',
          'Put right what PostgreSQL says, then ask again.',
        ),
      });
    case '57014':
      return new ClusterError('TIMEOUT', `${spec.name} was not created: transactions that run now do not end.`, {
        reasons: await runningTransactions(connection),
      });
    default:
      return error;
  }
}

/** Whose end a logical slot waits for, oldest first. */
async function runningTransactions(connection: LocalConnection): Promise<Reason[]> {
  const rows = await connection.query<{ who: string; seconds: number }>(
    `SELECT 'pid ' || pid AS who, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
       FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
     UNION ALL
     SELECT 'prepared transaction ' || gid, extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts
     ORDER BY 2 DESC LIMIT 5`,
  );
  return rows.map(({ who, seconds }) => ({
    rule: 'transactions-end',
    measured: `${who} has been open for ${Math.round(seconds)} s`,
    limit: `${creationTimeoutMs / 1000} s`,
    remedy: `Let ${who} end (or end it), then ask again: a logical slot begins where every running transaction has ended.`,
  }));
}

export async function dropSlot(connection: LocalConnection, name: string): Promise<boolean> {
  if (name.startsWith(enginePrefix)) throw new ClusterError('CONFLICT', `${name} is the engine's own slot.`);
  try {
    await connection.query('SELECT pg_drop_replication_slot($1)', { values: [name] });
    return true;
  } catch (error) {
    const code = sqlState(error);
    if (code === '42704') return false;
    if (code !== '55006') throw error;
    const words = error instanceof Error ? error.message : '';
    throw new ClusterError('CONFLICT', `Slot ${name} is in use: ${words}`, {
      reasons: [
        { rule: 'slot-not-active', measured: words, limit: 'idle', remedy: 'Stop its consumer first, then ask again.' },
      ],
    });
  }
}

/** Only the very sessions that were seen: a pid may belong to somebody else by now. */
export async function endSenders(
  connection: LocalConnection,
  senders: readonly { readonly pid: number; readonly name: string }[],
): Promise<number> {
  const rows = await connection.query<{ ended: number }>(
    `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))::int AS ended FROM pg_stat_replication
      WHERE (pid, application_name) IN (SELECT * FROM unnest($1::int[], $2::text[]))`,
    { values: [senders.map((one) => one.pid), senders.map((one) => one.name)] },
  );
  return rows[0]?.ended ?? 0;
}

/**
 * Ends whoever streams from here but members: a fast stop waits until each of them has everything, one that stands still holds it up for
 * wal_sender_timeout. They lose nothing: what they have not confirmed is in their slot.
 */
export async function endConsumers(connection: LocalConnection): Promise<number> {
  const rows = await connection.query<{ ended: number }>(
    `SELECT count(*) FILTER (WHERE pg_terminate_backend(r.pid))::int AS ended
       FROM pg_stat_replication AS r LEFT JOIN pg_replication_slots AS s ON s.active_pid = r.pid
      WHERE r.state <> 'backup' AND NOT coalesce(starts_with(s.slot_name, $1), false)`,
    { values: [enginePrefix] },
  );
  return rows[0]?.ended ?? 0;
}
