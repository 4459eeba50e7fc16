/**
 * What a standby does about copies of the primary's failover slots. Pure. Invariant: a ready copy goes only because the primary dropped its slot, never
 * because another node became primary: PostgreSQL's worker drops every copy that the present primary has no slot for, so it runs only while there is
 * none that must stay.
 */
import type { Epoch } from '../../kernel/ids';
import type { SlotInfo } from '../model';
import { isReadyCopy } from './slot-rules';

/** Keeps, for a moment, what a slot of this server's days as primary needs, until its copy stands. */
const holdPrefix = 'rustydb_hold_';
const longestName = 63;

export type CopyFacts = {
  readonly local: readonly SlotInfo[];
  /** Names of the primary's failover slots. */
  readonly onPrimary: readonly string[];
  /** Under which the primary serves. */
  readonly epoch: Epoch;
  /** Under which this standby last copied; 0: not known. */
  readonly copiedUnder: Epoch;
  /** An operator lets go of what the primary has no slot for. */
  readonly letGo: boolean;
};

export type CopyDecision = {
  /** Whether PostgreSQL's worker may run (sync_replication_slots). */
  readonly copying: boolean;
  /** Copies that must stay, because a change of primary, not a drop, left the primary without them. */
  readonly kept: readonly string[];
  /** This server's own slots of its days as primary: a copy takes their place, and starts where they stand. */
  readonly exchange: readonly string[];
  /** The same, but of no use any more. */
  readonly drop: readonly string[];
  /** Slots of its days as primary that the primary has none of: kept as well, and PostgreSQL leaves them alone. */
  readonly left: readonly string[];
  /** Holds whose copy stands, or that nothing waits for. */
  readonly release: readonly string[];
  /** Failover slots of the primary without a copy here that a promotion keeps. */
  readonly missing: readonly string[];
};

/** Null: the name is too long for one. */
export function holdOf(name: string): string | null {
  const hold = `${holdPrefix}${name}`;
  return hold.length <= longestName ? hold : null;
}

/** The slot that it holds the place of; null: it is no hold. */
export function heldBy(name: string): string | null {
  return name.startsWith(holdPrefix) ? name.slice(holdPrefix.length) : null;
}

export function decideCopies(facts: CopyFacts): CopyDecision {
  const { local, onPrimary, epoch, copiedUnder, letGo } = facts;
  const here = new Map(local.map((slot) => [slot.name, slot]));
  const wanted = new Set(onPrimary);
  // Copied under this very primary and gone from it: it dropped them.
  const dropped = copiedUnder === epoch || letGo;
  const kept = dropped ? [] : local.filter((slot) => isReadyCopy(slot) && !wanted.has(slot.name));
  const missing = onPrimary.filter((name) => {
    const slot = here.get(name);
    return slot === undefined || !isReadyCopy(slot);
  });
  // Where somebody still reads from one it stays for now, and the worker would only fail.
  const leftovers = missing.map((name) => here.get(name)).filter((slot) => slot?.failover === true && !slot.synced);
  const idle = leftovers.filter((slot) => !slot!.active).map((slot) => slot!);
  const useful = idle.filter((slot) => slot.invalidationReason === null && slot.walStatus !== 'lost');
  return {
    copying: kept.length === 0 && leftovers.length === idle.length,
    kept: kept.map((slot) => slot.name),
    exchange: useful.map((slot) => slot.name),
    left: local.filter((slot) => isLeft(slot) && !wanted.has(slot.name)).map((slot) => slot.name),
    drop: idle.filter((slot) => !useful.includes(slot)).map((slot) => slot.name),
    release: local
      .filter((slot) => {
        const name = heldBy(slot.name);
        return name !== null && (!missing.includes(name) || slot.invalidationReason !== null);
      })
      .map((slot) => slot.name),
    missing,
  };
}

function isLeft(slot: SlotInfo): boolean {
  const usable = slot.invalidationReason === null && slot.walStatus !== 'lost';
  return slot.failover && !slot.synced && !slot.temporary && usable;
}
