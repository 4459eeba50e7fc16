/**
 * Whether a slot endangers its server or is itself in danger. Pure. An idle slot keeps WAL until it has used up what it may keep (then it is lost) or,
 * where nothing bounds it, the disk (then the server stops). A slot in use that is behind is the lag of its reader, which is told elsewhere.
 */
import type { SlotReport } from '../model';

export type SlotRisk = {
  readonly kind: 'lost' | 'nearly-lost' | 'keeps-wal';
  readonly severity: 'warning' | 'critical';
  /** What it has used of what it may use; null: lost already. */
  readonly limitBytes: number | null;
};

export type SlotRoom = {
  /** max_slot_wal_keep_size; null: no limit. */
  readonly keepBytes: number | null;
  /** Free on the disk of the server; null: not measured. */
  readonly diskFreeBytes: number | null;
};

/** From half of what it may keep on there is time to act. At nine tenths of the disk there is little, and then the server stops; at the limit of slots only the slot ends. */
const warningShare = 0.5;
const criticalShare = 0.9;

export function slotRisk(slot: SlotReport, { keepBytes, diskFreeBytes }: SlotRoom): SlotRisk | null {
  // A copy follows its slot on the primary, and that one is told.
  if (slot.synced) return null;
  if (slot.walStatus === 'lost' || slot.invalidationReason !== null)
    return { kind: 'lost', severity: 'warning', limitBytes: null };
  if (slot.walStatus === 'unreserved') return { kind: 'nearly-lost', severity: 'warning', limitBytes: keepBytes };
  if (slot.active || slot.retainedBytes === null) return null;
  const limitBytes = limitOf(slot.retainedBytes, { keepBytes, diskFreeBytes });
  if (limitBytes === null || slot.retainedBytes < warningShare * limitBytes) return null;
  const endsDisk = keepBytes === null || limitBytes < keepBytes;
  const severity = endsDisk && slot.retainedBytes >= criticalShare * limitBytes ? 'critical' : 'warning';
  return { kind: 'keeps-wal', severity, limitBytes };
}

/** Whichever ends first: the limit of slots, or the disk, which what it keeps already has a part of. */
function limitOf(retainedBytes: number, { keepBytes, diskFreeBytes }: SlotRoom): number | null {
  const disk = diskFreeBytes === null ? null : retainedBytes + diskFreeBytes;
  if (keepBytes === null || disk === null) return keepBytes ?? disk;
  return Math.min(keepBytes, disk);
}
