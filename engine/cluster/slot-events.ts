/**
 * What agents saw of their slots, as events. Invariant: a notice that was answered late and sent again is told once.
 */
import type { EngineEvent, EventSeverity } from '../monitoring/model';
import { slotFields } from '../replication/core/slot-fields';
import { ownerOf } from '../replication/core/slot-rules';
import type { SlotChange, SlotChangeKind, SlotInfo, SlotNotice } from '../replication/model';

const eventTypes: Readonly<Record<SlotChangeKind, string>> = {
  created: 'slot_created',
  dropped: 'slot_dropped',
  active: 'slot_active',
  inactive: 'slot_inactive',
  wal_status: 'slot_wal_status',
};

type Told = { readonly life: string; readonly keys: ReadonlySet<string> };

export class SlotEvents {
  /** Per node: what its last notice held. */
  readonly #told = new Map<string, Told>();

  constructor(private readonly emit: (event: Omit<EngineEvent, 'eventId' | 'timestamp'>) => void) {}

  /** A node that left is forgotten with the rest of it. */
  forget(node: string): void {
    this.#told.delete(node);
  }

  take(notice: SlotNotice): void {
    const before = this.#told.get(notice.node);
    const known = before?.life === notice.life ? before.keys : new Set<string>();
    this.#told.set(notice.node, { life: notice.life, keys: new Set(notice.changes.map(keyOf)) });
    for (const change of notice.changes) if (!known.has(keyOf(change))) this.emit(eventOf(notice, change));
  }
}

function keyOf({ kind, slot, at }: SlotChange): string {
  return `${at} ${kind} ${slot.name}`;
}

function eventOf(
  { node, group }: SlotNotice,
  { kind, slot, at }: SlotChange,
): Omit<EngineEvent, 'eventId' | 'timestamp'> {
  return {
    category: 'replication',
    eventType: eventTypes[kind],
    severity: severityOf(kind, slot),
    source: `node:${node}`,
    payload: {
      node_id: node,
      group,
      sentence: sentenceOf(node, kind, slot),
      seen_at: at,
      change: kind,
      owner: ownerOf(slot),
      ...slotFields(slot),
    },
  };
}

function severityOf(kind: SlotChangeKind, slot: SlotInfo): EventSeverity {
  if (kind !== 'wal_status') return 'info';
  if (slot.walStatus === 'lost' || slot.invalidationReason !== null) return 'error';
  return slot.walStatus === 'unreserved' ? 'warning' : 'info';
}

function sentenceOf(node: string, kind: SlotChangeKind, slot: SlotInfo): string {
  const what = `${slot.synced ? 'The copy of slot' : 'Slot'} ${slot.name} on ${node}${ownerOf(slot) === 'engine' ? ' (the engine’s)' : ''}`;
  switch (kind) {
    case 'created':
      return `${what} was created.`;
    case 'dropped':
      return `${what} is gone.`;
    case 'active':
      return `${what} is in use.`;
    case 'inactive':
      return `${what} is idle: it keeps WAL until its consumer comes back.`;
    case 'wal_status':
      return slot.invalidationReason !== null
        ? `${what} is of no use any more: ${slot.invalidationReason}.`
        : `${what}: the WAL that it needs is ${slot.walStatus ?? 'not reserved'}.`;
  }
}
