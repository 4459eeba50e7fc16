/**
 * Group leases as the store's leader keeps them: when each was last renewed, by this leader's clock, and which groups have a grant on the way.
 * Volatile: a new leader treats every lease as renewed at its election.
 *
 * Invariants: a lease is counted by the length that belongs to its grant, never by a shorter one; the leader counts from its answer or later, the holder from before it asked, so the holder's lease ends first; while a grant stands in
 * the log unapplied no renewal of that group is answered; a lease is grantable only when it has run out, was released, or nobody holds it.
 */
import type { Json, Txn, WatchEvent } from '../store';
import { type GroupLease, groupLease, type KvState } from './kv';

export type LeaseTable = {
  readonly electedAt: number;
  /** The configured length: what a grant is given from now on, and what a record that says nothing is told. */
  readonly configuredMs: number;
  /** The longest configured length that this node has known: counted for a record that does not say its own. */
  readonly longestMs: number;
  /** Group → when its lease ends unless renewed. Absent: its length after electedAt. */
  readonly endsAt: ReadonlyMap<string, number>;
  /** Log index of an unapplied entry that may change a lease → the groups it speaks of. */
  readonly grants: ReadonlyMap<number, readonly string[]>;
};

/** `electedAt`: when this leader applied its own noop, or later. */
export function newLeaseTable(electedAt: number, configuredMs: number, longestMs = configuredMs): LeaseTable {
  return {
    electedAt,
    configuredMs,
    longestMs: Math.max(longestMs, configuredMs),
    endsAt: new Map(),
    grants: new Map(),
  };
}

/** The length that the replicated configuration (key `config`) asks for; null: none is stored yet. */
export function configuredIn(kv: KvState): number | null {
  const value = kv.values.get('config')?.value as { readonly leaseMs?: Json } | null | undefined;
  return typeof value?.leaseMs === 'number' ? value.leaseMs : null;
}

/** Another length is configured: what was granted under the old one keeps its own. */
export function withConfiguredMs(table: LeaseTable, configuredMs: number): LeaseTable {
  return { ...table, configuredMs, longestMs: Math.max(table.longestMs, configuredMs) };
}

/**
 * How long a lease of this record is counted. The record knows it (its grant wrote it, only its holder changes it); an agent of a release that did
 * not keep it goes by the configured length, so that one is never counted shorter.
 */
export function lengthMs(table: LeaseTable, lease: GroupLease): number {
  return Math.max(lease.leaseMs ?? table.longestMs, table.configuredMs);
}

/** What the holder is told: never more than what is counted. */
export function grantedMs(table: LeaseTable, kv: KvState, group: string): number {
  return leaseOf(kv, group)?.leaseMs ?? table.configuredMs;
}

export function leaseOf(kv: KvState, group: string): GroupLease | null {
  return groupLease(kv.values.get(`groups/${group}`)?.value);
}

/** Milliseconds until the lease of `group` may be granted elsewhere; ≤ 0: now. */
export function remainingMs(table: LeaseTable, kv: KvState, group: string, now: number): number {
  const lease = leaseOf(kv, group);
  if (!lease || lease.free) return 0;
  return (table.endsAt.get(group) ?? table.electedAt + lengthMs(table, lease)) - now;
}

export type RenewalVerdict = 'ok' | 'superseded' | 'grant-in-flight' | 'unknown-group';

/** Asked right before the answer is sent, after the read-index round. */
export function judgeRenewal(
  table: LeaseTable,
  kv: KvState,
  request: { readonly group: string; readonly epoch: number; readonly holder: string },
): RenewalVerdict {
  const lease = leaseOf(kv, request.group);
  if (!lease) return 'unknown-group';
  if (lease.epoch !== request.epoch || lease.primary !== request.holder || lease.free) return 'superseded';
  for (const groups of table.grants.values()) if (groups.includes(request.group)) return 'grant-in-flight';
  return 'ok';
}

/** The lease of `group` runs from `now` for the length that belongs to its grant; never ends earlier than was known. */
export function renewed(table: LeaseTable, group: string, lease: GroupLease, now: number): LeaseTable {
  const endsAt = new Map(table.endsAt);
  endsAt.set(group, Math.max(endsAt.get(group) ?? 0, now + lengthMs(table, lease)));
  return { ...table, endsAt };
}

/** May `txn` be appended now? Null: yes; otherwise the milliseconds still to wait. */
export function guardRefuses(table: LeaseTable, kv: KvState, txn: Txn, now: number): number | null {
  if (!txn.leaseGuard) return null;
  const { group, epoch } = txn.leaseGuard;
  const lease = leaseOf(kv, group);
  // The guard speaks of a lease that is no longer the current one: it can't vouch for the current one.
  if (lease && !lease.free && lease.epoch !== epoch) return Math.max(1, remainingMs(table, kv, group, now));
  const left = remainingMs(table, kv, group, now);
  return left > 0 ? left : null;
}

function sameLease(a: GroupLease, b: GroupLease): boolean {
  return a.epoch === b.epoch && a.primary === b.primary && a.free === b.free && a.leaseMs === b.leaseMs;
}

/** The groups whose lease `txn` may change: those it says so of, and those whose record it writes with another epoch, primary or length. */
export function groupsGrantedBy(kv: KvState, txn: Txn): readonly string[] {
  const groups = new Set<string>();
  if (txn.grants) groups.add(txn.grants.group);
  if (txn.leaseGuard) groups.add(txn.leaseGuard.group);
  for (const mutation of txn.mutations) {
    if (!mutation.key.startsWith('groups/')) continue;
    const group = mutation.key.slice('groups/'.length);
    const next = mutation.kind === 'put' ? groupLease(mutation.value) : null;
    const now = leaseOf(kv, group);
    if (next === null || now === null ? next !== now : !sameLease(next, now)) groups.add(group);
  }
  return [...groups];
}

export function grantAppended(table: LeaseTable, index: number, groups: readonly string[]): LeaseTable {
  if (groups.length === 0) return table;
  return { ...table, grants: new Map(table.grants).set(index, groups) };
}

/** An entry was applied: its grant is no longer on the way, and a lease whose record it changed runs from now (its holder counts from earlier). */
export function entryApplied(table: LeaseTable, index: number, events: readonly WatchEvent[], now: number): LeaseTable {
  const spokenOf = table.grants.get(index);
  if (!spokenOf) return table;
  const grants = new Map(table.grants);
  grants.delete(index);
  let result: LeaseTable = { ...table, grants };
  for (const event of events) {
    const group = groupOf(event);
    const lease = groupLease(event.value);
    if (lease && !lease.free && spokenOf.includes(group)) result = renewed(result, group, lease, now);
  }
  return result;
}

function groupOf(event: WatchEvent): string {
  return event.key.startsWith('groups/') ? event.key.slice('groups/'.length) : '';
}
