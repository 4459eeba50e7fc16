/** What changed between two looks at a server's slots. Pure; positions move all the time and are no change. */
import type { SlotChange, SlotInfo } from '../model';

export function slotChanges(
  before: readonly SlotInfo[],
  after: readonly SlotInfo[],
  at: string,
): readonly SlotChange[] {
  const known = new Map(before.map((slot) => [slot.name, slot]));
  const present = new Map(after.map((slot) => [slot.name, slot]));
  const changes: SlotChange[] = [];
  for (const slot of before) {
    const now = present.get(slot.name);
    if (now === undefined || isAnother(slot, now)) changes.push({ kind: 'dropped', slot, at });
  }
  for (const slot of after) {
    const earlier = known.get(slot.name);
    if (earlier === undefined || isAnother(earlier, slot)) {
      changes.push({ kind: 'created', slot, at });
      if (slot.active) changes.push({ kind: 'active', slot, at });
      continue;
    }
    if (earlier.active !== slot.active) changes.push({ kind: slot.active ? 'active' : 'inactive', slot, at });
    if (earlier.walStatus !== slot.walStatus || earlier.invalidationReason !== slot.invalidationReason)
      changes.push({ kind: 'wal_status', slot, at });
  }
  return changes;
}

/** Same name, another slot: dropped and made again between two looks. */
function isAnother(before: SlotInfo, after: SlotInfo): boolean {
  return before.type !== after.type || before.plugin !== after.plugin || before.database !== after.database;
}
