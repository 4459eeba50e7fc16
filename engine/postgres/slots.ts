/**
 * Physical slots of the group's members, on every member: a standby that is promoted must already hold the slots its followers will ask
 * for, at a position from which they can go on. Only slots with our prefix are ever touched.
 */
import type { NodeId } from '../kernel/ids';
import { type LsnText, parseLsn } from '../kernel/lsn';
import { type LocalConnection, sqlState } from './connection';
import { slotName } from './settings';

type SlotRow = {
  name: string;
  active: boolean;
  restart: LsnText | null;
  recovering: boolean;
  limit: LsnText | null;
  lost: boolean;
};

export async function keepSlots(
  connection: LocalConnection,
  members: readonly NodeId[],
  advanceTo: Readonly<Record<NodeId, LsnText>>,
): Promise<void> {
  const rows = await connection.query<SlotRow>(
    `SELECT slot_name AS name, active, restart_lsn::text AS restart, coalesce(wal_status = 'lost', false) AS lost, pg_is_in_recovery() AS recovering,
            pg_last_wal_replay_lsn()::text AS "limit"
       FROM pg_replication_slots
      WHERE slot_type = 'physical' AND NOT temporary AND starts_with(slot_name, 'rustydb_')`,
    { name: 'member-slots' },
  );
  // Its WAL is gone (max_slot_wal_keep_size): the member must be cloned anew, and for that it needs a slot that holds WAL again.
  for (const row of rows.filter((row) => row.lost && !row.active)) {
    await tolerating(['42704', '55006'], connection, 'SELECT pg_drop_replication_slot($1)', [row.name]);
  }
  const existing = new Map(rows.filter((row) => !row.lost || row.active).map((row) => [row.name, row]));
  for (const member of members) {
    const name = slotName(member);
    if (!existing.has(name))
      await tolerating(['42710'], connection, 'SELECT pg_create_physical_replication_slot($1, true)', [name]);
  }
  const wanted = new Set(members.map(slotName));
  for (const row of rows) {
    // An active one belongs to a member that still streams; it goes at the next round.
    if (!wanted.has(row.name) && existing.has(row.name) && !row.active)
      await tolerating(['42704', '55006'], connection, 'SELECT pg_drop_replication_slot($1)', [row.name]);
  }
  await advance(connection, members, advanceTo, existing);
}

/** On a standby nobody moves the slots of the others: we do, to what each member has, but never past what this server has replayed. */
async function advance(
  connection: LocalConnection,
  members: readonly NodeId[],
  advanceTo: Readonly<Record<NodeId, LsnText>>,
  existing: ReadonlyMap<string, SlotRow>,
): Promise<void> {
  for (const member of members) {
    const row = existing.get(slotName(member));
    const target = advanceTo[member];
    if (!row?.recovering || row.active || target === undefined || row.limit === null) continue;
    const to = parseLsn(target) < parseLsn(row.limit) ? target : row.limit;
    if (parseLsn(to) === 0n || (row.restart !== null && parseLsn(to) <= parseLsn(row.restart))) continue;
    await tolerating(
      ['55006', '55000', '42704', '22023'],
      connection,
      'SELECT pg_replication_slot_advance($1, $2::pg_lsn)',
      [row.name, to],
    );
  }
}

async function tolerating(
  codes: readonly string[],
  connection: LocalConnection,
  text: string,
  values: unknown[],
): Promise<void> {
  try {
    await connection.query(text, { values });
  } catch (error) {
    if (!codes.includes(sqlState(error) ?? '')) throw error;
  }
}
