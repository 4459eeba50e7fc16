/** How a slot is doing, in one word and a tone, and when the WAL that it keeps becomes dangerous. Pure. */
import type { Slot } from '../../providers/wire';
import { formatBytes } from '../../ui/format';

export type SlotState = {
  readonly value: 'active' | 'idle' | 'warning' | 'critical';
  readonly label: string;
  /** What is wrong and what to do; null: nothing. */
  readonly why: string | null;
};

/** Less than a quarter of what it keeps is left before the limit. */
const nearLimit = 4;

export function slotState(slot: Slot): SlotState {
  if (slot.invalidation_reason !== null || slot.wal_status === 'lost') {
    const why = `Its WAL is gone (${slot.invalidation_reason ?? 'lost'}): its consumer can’t go on from it. Drop it, make a new one and start the consumer over.`;
    return { value: 'critical', label: 'lost', why };
  }
  if (slot.wal_status === 'unreserved') {
    const why = `It keeps ${formatBytes(slot.retained_bytes)} and is about to lose it: start its consumer now, or drop it.`;
    return { value: 'critical', label: 'about to be lost', why };
  }
  if (isNearLimit(slot)) {
    const why = `It keeps ${formatBytes(slot.retained_bytes)}; after another ${formatBytes(slot.safe_wal_size)} it is lost. Start its consumer, or drop it.`;
    return { value: 'warning', label: slot.active ? 'far behind' : 'idle, keeps much WAL', why };
  }
  return slot.active ? { value: 'active', label: 'in use', why: null } : { value: 'idle', label: 'idle', why: null };
}

function isNearLimit({ safe_wal_size: left, retained_bytes: kept, wal_status: status }: Slot): boolean {
  if (status === 'extended') return true;
  return left !== null && kept !== null && left * nearLimit < kept;
}

/** Why it can't be dropped from here; null: it can. */
export function dropReason(slot: Slot): string | null {
  if (slot.owner === 'engine') return 'The cluster keeps it for a member and would make it again.';
  if (slot.synced) return 'It is a copy: drop the slot on the primary.';
  if (slot.temporary) return 'It ends with the session that made it.';
  return slot.active ? `Process ${slot.active_pid ?? ''} reads from it: stop that consumer first.` : null;
}
