/**
 * Which failover slots a group has, and which of them each standby holds no ready copy of: what its consumers lose if that one becomes primary. Pure. A
 * member that was asked is believed before what it reported last; of a primary that tells nothing (it is down) the copies tell which slots there are.
 */
import type { NodeId } from '../../kernel/ids';
import type { SlotInfo, SlotReport } from '../../replication/model';
import type { PlanContext } from './plan-model';
import { type GroupSnapshot, type NodeSnapshot, primaryOf, standbysOf } from './snapshot';

type Held = SlotReport & Partial<Pick<SlotInfo, 'temporary'>>;

export type SlotHoldings = {
  readonly names: readonly string[];
  missingOn(node: NodeId): readonly string[];
};

export function slotHoldings(group: GroupSnapshot, asked: PlanContext['slots'] = null): SlotHoldings {
  const heldBy = (member: NodeSnapshot): readonly Held[] | null =>
    asked?.get(member.record.id)?.slots ?? member.report?.postgres.slots ?? null;
  const ready = new Map(
    standbysOf(group).map((member) => {
      const copies = (heldBy(member) ?? []).filter((slot) => slot.synced && isUsable(slot));
      return [member.record.id, new Set(copies.map((slot) => slot.name))] as const;
    }),
  );
  const primary = primaryOf(group);
  const own = primary === null ? null : heldBy(primary);
  const names =
    own === null
      ? [...ready.values()].flatMap((copies) => [...copies])
      : own.filter((slot) => slot.failover === true && isUsable(slot)).map((slot) => slot.name);
  const all = [...new Set(names)].sort();
  return { names: all, missingOn: (node) => all.filter((name) => !ready.get(node)?.has(name)) };
}

/** One that is lost already has nothing more to lose. */
function isUsable(slot: Held): boolean {
  return slot.temporary !== true && slot.invalidationReason === null && slot.walStatus !== 'lost';
}
