/** A slot with its node, its owner and its fate at a change of primary. */
import type { z } from 'zod';
import type { EngineEvent } from '@/engine/monitoring/model';
import { slotFields } from '@/engine/replication/core/slot-fields';
import { fateOf, isReadyCopy, ownerOf } from '@/engine/replication/core/slot-rules';
import type { FoundSlot } from './slots';
import { replicationSlot } from './wire-slots';

type WireSlot = z.input<typeof replicationSlot>;

/** PostgreSQL's words are passed on; one that a later version adds must not break the list. */
const walStatuses: readonly unknown[] = replicationSlot.shape.wal_status.unwrap().options;

export function presentSlot({ slot, node, in: asked }: FoundSlot): WireSlot {
  const { record } = asked.group;
  const isPrimary = record.primary === node;
  const standbys = asked.members.map((member) => member.record.id).filter((id) => id !== record.primary);
  const readyOn = standbys.filter((id) =>
    asked.held.get(id)?.slots.some((copy) => copy.name === slot.name && isReadyCopy(copy)),
  );
  const notReadyOn = standbys.filter((id) => !readyOn.includes(id));
  const { fate, sentence } = fateOf(slot, { node, isPrimary, readyOn, notReadyOn });
  const fields = slotFields(slot);
  return {
    ...fields,
    wal_status: (walStatuses.includes(fields.wal_status) ? fields.wal_status : null) as WireSlot['wal_status'],
    node_id: node,
    group: record.name,
    owner: ownerOf(slot),
    copies: slot.failover && isPrimary ? readyOn : [],
    at_switchover: fate,
    at_switchover_sentence: sentence,
    change: null,
  };
}

/** A slot event as the slot it speaks of; null: it is none. */
export function presentSlotEvent(event: Pick<EngineEvent, 'payload'>): z.output<typeof replicationSlot> | null {
  const known = Object.fromEntries(Object.keys(replicationSlot.shape).map((key) => [key, event.payload[key] ?? null]));
  return replicationSlot.safeParse(known).data ?? null;
}
