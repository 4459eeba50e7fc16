/**
 * Group leases as the store's leader keeps them: when each was last renewed, by this leader's clock, and which groups have a grant on the way.
 * Volatile: a new leader treats every lease as renewed at its election.
 *
 * Invariants: the leader counts from its answer or later, the holder from before it asked, so the holder's lease ends first; while a grant stands in
 * the log unapplied no renewal of that group is answered; a lease is grantable only when it has run out, was released, or nobody holds it.
 */
import type { Txn, WatchEvent } from '../store';
import { type GroupLease, groupLease, type KvState } from './kv';

export type LeaseTable = {
  readonly electedAt: number;
  readonly leaseMs: number;
  /** Group → when its lease ends unless renewed. Absent: electedAt + leaseMs. */
  readonly endsAt: ReadonlyMap<string, number>;
  /** Log index of an unapplied entry that may change a lease → the groups it speaks of. */
  readonly grants: ReadonlyMap<number, readonly string[]>;
};

/** `electedAt`: when this leader applied its own noop, or later. */
export function newLeaseTable(electedAt: number, leaseMs: number): LeaseTable {
  return { electedAt, leaseMs, endsAt: new Map(), grants: new Map() };
}

/** A shorter lease never shortens what was already promised: the old length counts until it would have run out. */
export function withLeaseMs(table: LeaseTable, leaseMs: number): LeaseTable {
  return { ...table, leaseMs, electedAt: table.electedAt + Math.max(0, table.leaseMs - leaseMs) };
}

function leaseOf(kv: KvState, group: string): GroupLease | null {
  return groupLease(kv.values.get(`groups/${group}`)?.value);
}

/** Milliseconds until the lease of `group` may be granted elsewhere; ≤ 0: now. */
export function remainingMs(table: LeaseTable, kv: KvState, group: string, now: number): number {
  const lease = leaseOf(kv, group);
  if (!lease || lease.free) return 0;
  return (table.endsAt.get(group) ?? table.electedAt + table.leaseMs) - now;
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

export function renewed(table: LeaseTable, group: string, now: number): LeaseTable {
  const endsAt = new Map(table.endsAt);
  endsAt.set(group, Math.max(endsAt.get(group) ?? 0, now + table.leaseMs));
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

/** The groups whose holder `txn` may change: those it says so of, and those whose record it writes with another epoch or primary. */
export function groupsGrantedBy(kv: KvState, txn: Txn): readonly string[] {
  const groups = new Set<string>();
  if (txn.grants) groups.add(txn.grants.group);
  if (txn.leaseGuard) groups.add(txn.leaseGuard.group);
  for (const mutation of txn.mutations) {
    if (!mutation.key.startsWith('groups/')) continue;
    const group = mutation.key.slice('groups/'.length);
    const next = mutation.kind === 'put' ? groupLease(mutation.value) : null;
    const now = leaseOf(kv, group);
    if (next?.epoch !== now?.epoch || next?.primary !== now?.primary || next?.free !== now?.free) groups.add(group);
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
  const changed = events.filter((event) => groupLease(event.value)?.free === false).map(groupOf);
  return changed
    .filter((group) => spokenOf.includes(group))
    .reduce<LeaseTable>((result, group) => renewed(result, group, now), { ...table, grants });
}

function groupOf(event: WatchEvent): string {
  return event.key.startsWith('groups/') ? event.key.slice('groups/'.length) : '';
}
