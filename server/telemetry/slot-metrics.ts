/** Replication slots, as each node tells of its own: the 64 that keep most. */
import { ownerOf } from '@/engine/replication/core/slot-rules';
import type { SlotReport } from '@/engine/replication/model';
import { ofNode, perServer, type Sample, type ViewMetric } from './view-metric';

const perSlot = ['node', 'group', 'slot', 'owner'];

function ofSlots(
  value: (slot: SlotReport) => Sample[1],
  more: (slot: SlotReport) => Record<string, string> = () => ({}),
) {
  const samples: ViewMetric['samples'] = ({ view }) =>
    view.nodes.flatMap((node) =>
      (node.report?.postgres.slots ?? []).map(
        (slot): Sample => [{ ...ofNode(node), slot: slot.name, owner: ownerOf(slot), ...more(slot) }, value(slot)],
      ),
    );
  return samples;
}

export const slotMetrics: readonly ViewMetric[] = [
  {
    name: 'rustydb_slot_retained_bytes',
    help: 'WAL that the slot keeps on the node',
    labels: perSlot,
    samples: ofSlots((slot) => slot.retainedBytes),
  },
  {
    name: 'rustydb_slot_active',
    help: '1: somebody reads from the slot',
    labels: perSlot,
    samples: ofSlots((slot) => slot.active),
  },
  {
    name: 'rustydb_slot_wal_status',
    help: '1, with the state of the WAL that the slot needs: reserved, extended, unreserved (lost at the next checkpoint) or lost; absent: it needs none yet',
    labels: [...perSlot, 'status'],
    samples: ofSlots(
      (slot) => (statusOf(slot) === null ? null : 1),
      (slot) => ({ status: statusOf(slot) ?? '' }),
    ),
  },
  {
    name: 'rustydb_node_slot_wal_limit_bytes',
    help: 'What a slot may keep on the node before it is lost (max_slot_wal_keep_size); absent: no limit',
    labels: ['node', 'group'],
    samples: perServer(({ slotWalKeepBytes }) => slotWalKeepBytes),
  },
];

/** An invalidated one is as useless as one whose WAL is gone. */
function statusOf(slot: SlotReport): string | null {
  return slot.invalidationReason !== null ? 'lost' : slot.walStatus;
}
