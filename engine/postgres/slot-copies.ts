/**
 * Copies of the primary's failover slots on this standby. PostgreSQL's own worker makes them, moves them on, and drops each that the present primary has
 * no slot for; it gives up on all of them over one slot of this server's own with a name of theirs. Invariant: the worker runs only when `decideCopies`
 * says so, and a slot of this server's days as primary gives way to a copy that starts where it stood, so that an idle consumer's copy is ready as well.
 */
import type pg from 'pg';
import { delay, pollUntil } from '../kernel/async';
import { type LsnText, parseLsn } from '../kernel/lsn';
import { type CopyDecision, type CopyFacts, decideCopies, heldBy, holdOf } from '../replication/core/copy-rules';
import { isReadyCopy } from '../replication/core/slot-rules';
import type { SlotInfo } from '../replication/model';
import { type LocalConnection, type LocalEndpoint, sqlState, withFreshSession } from './connection';
import { scramOnlyClient } from './scram-only';
import { superuser } from './settings';
import { dropSlot, listSlots } from './user-slots';

export type CopyQuestion = Omit<CopyFacts, 'local'>;

export type SlotCopies = Pick<CopyDecision, 'kept' | 'left' | 'missing' | 'copying'> & {
  /** Slots of this server's days as primary that gave way to a copy. */
  readonly exchanged: readonly string[];
};

/**
 * Looks, decides and does it; the worker itself is switched by the caller (`copying`), which knows whether the primary still is the same.
 * Null: this server is no standby.
 */
export async function keepSlotCopies(
  connection: LocalConnection,
  endpoint: LocalEndpoint,
  question: CopyQuestion,
): Promise<SlotCopies | null> {
  const { slots, inRecovery } = await listSlots(connection);
  if (!inRecovery) return null;
  const decision = decideCopies({ ...question, local: slots });
  for (const name of decision.release) await dropHold(connection, name);
  for (const name of decision.drop) await dropSlot(connection, name).catch(() => false);
  const exchanged: string[] = [];
  for (const name of decision.exchange) {
    const slot = slots.find((one) => one.name === name)!;
    if (await exchange(connection, endpoint, slot, slots)) exchanged.push(name);
  }
  const { kept, left, missing } = decision;
  // One that could not give way would only make the worker fail.
  const copying = decision.copying && exchanged.length === decision.exchange.length;
  return { kept, left, missing, copying, exchanged };
}

/**
 * A copy starts no earlier than what this server surely still has, which is where its oldest slot stands: a hold of the same place makes it start there.
 * Without it the copy of a slot whose consumer is idle is not ready before that one has moved on.
 */
async function exchange(
  connection: LocalConnection,
  endpoint: LocalEndpoint,
  slot: SlotInfo,
  all: readonly SlotInfo[],
): Promise<boolean> {
  const hold = holdOf(slot.name);
  if (hold !== null && slot.database !== null && !all.some((one) => one.name === hold)) {
    await withFreshSession({ ...endpoint, database: slot.database }, (client) =>
      client.query('SELECT pg_catalog.pg_copy_logical_replication_slot($1::name, $2::name, false)', [slot.name, hold]),
    );
  }
  return dropSlot(connection, slot.name).catch(() => false);
}

async function dropHold(connection: LocalConnection, name: string): Promise<void> {
  await connection
    .query('SELECT pg_catalog.pg_drop_replication_slot($1)', { values: [name] })
    .catch((error: unknown) => {
      if (!['42704', '55006'].includes(sqlState(error) ?? '')) throw error;
    });
}

/**
 * Primary: a promotion that came between a slot's giving way and its copy finds the hold only; the slot is made of it again. Otherwise holds just go.
 * Answers the slots that were made again.
 */
export async function endSlotHolds(connection: LocalConnection, endpoint: LocalEndpoint): Promise<readonly string[]> {
  const { slots, inRecovery } = await listSlots(connection);
  if (inRecovery) return [];
  const again: string[] = [];
  for (const hold of slots) {
    const name = heldBy(hold.name);
    if (name === null) continue;
    if (!slots.some((slot) => slot.name === name) && hold.database !== null && hold.invalidationReason === null) {
      const session = { ...endpoint, database: hold.database };
      await withFreshSession(session, (client) =>
        client.query('SELECT pg_catalog.pg_copy_logical_replication_slot($1::name, $2::name, false)', [
          hold.name,
          name,
        ]),
      );
      await alterFailover(session, name);
      again.push(name);
    }
    await dropHold(connection, hold.name);
  }
  return again;
}

/** Only the streaming protocol changes it. */
async function alterFailover(endpoint: LocalEndpoint, name: string): Promise<void> {
  const { socketDirectory: host, port, password, database, purpose } = endpoint;
  const login: pg.ClientConfig = { host, port, user: superuser, password, database, application_name: purpose };
  const client = scramOnlyClient({ ...login, ...{ replication: 'database' } });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`ALTER_REPLICATION_SLOT "${name}" (FAILOVER true)`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Standby: waits until it holds a copy that a promotion keeps. */
export async function waitForCopy(connection: LocalConnection, name: string, timeoutMs: number): Promise<boolean> {
  const look = async () => {
    await wakeSlotCopying(connection);
    await delay(200);
    return (await listSlots(connection)).slots.some((slot) => slot.name === name && isReadyCopy(slot)) || undefined;
  };
  return pollUntil(look, { timeoutMs, intervalMs: 200, what: `a copy of ${name}` }).catch(() => false);
}

/** Standby: waits until no copy of a slot that the primary has dropped is left. A leftover that PostgreSQL does not take for a copy is dropped here. */
export async function waitForNoCopy(connection: LocalConnection, name: string, timeoutMs: number): Promise<boolean> {
  const look = async () => {
    const { slots, inRecovery } = await listSlots(connection);
    const slot = slots.find((one) => one.name === name);
    if (!slot) return true;
    if (inRecovery && slot.failover && !slot.synced && !slot.active) await dropSlot(connection, name);
    else await wakeSlotCopying(connection);
    return undefined;
  };
  return pollUntil(look, { timeoutMs, intervalMs: 300, what: `no copy of ${name}` }).catch(() => false);
}

/** PostgreSQL's worker looks at the primary up to 30 s apart, and starts again after an error only when its parent has something to do: a reload is both. */
export async function wakeSlotCopying(connection: LocalConnection): Promise<void> {
  await connection.query('SELECT pg_reload_conf()');
}

/** Standby: waits until each copy has got as far as its slot had (`lsn`); whether all have. */
export async function waitForCopies(
  connection: LocalConnection,
  wanted: readonly { readonly name: string; readonly lsn: LsnText }[],
  timeoutMs: number,
): Promise<boolean> {
  const look = async () => {
    const { slots } = await listSlots(connection);
    const behind = wanted.filter(({ name, lsn }) => {
      const copy = slots.find((slot) => slot.name === name && isReadyCopy(slot));
      return !copy?.confirmedFlushLsn || parseLsn(copy.confirmedFlushLsn) < parseLsn(lsn);
    });
    if (behind.length === 0) return true;
    await wakeSlotCopying(connection);
    return undefined;
  };
  return pollUntil(look, { timeoutMs, intervalMs: 50, what: 'the copies of slots' }).catch(() => false);
}
