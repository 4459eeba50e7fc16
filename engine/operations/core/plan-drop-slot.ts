/** Drop a replication slot of a node: only a user's, only an idle one; a copy goes with the slot it was copied from. */
import { isReadyCopy, ownerOf } from '../../replication/core/slot-rules';
import type { NodeSlots, SlotInfo } from '../../replication/model';
import type { Check } from '../model';
import { check, controlQuorum } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, groupNotFound, nodeNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { serverAnswers } from './slot-checks';
import { type ClusterSnapshot, formatBytes } from './snapshot';
import { step } from './steps';

export const dropSlot = defineOperation<'drop-slot'>({
  kind: 'drop-slot',
  holds: { group: 'text', node: 'text', name: 'text' },
  plan: planDropSlot,
  concernsSlots: () => true,
});

function planDropSlot(request: RequestOf<'drop-slot'>, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const group = snapshot.groups.get(request.group);
  if (!group) return groupNotFound(request.group);
  if (!group.members.some((member) => member.record.id === request.node)) return nodeNotFound(request.node);
  const found = context.slots?.get(request.node);
  const slot = found?.slots.find((one) => one.name === request.name);
  const checks = [
    // No lock of the group: dropping a slot may be what frees a full disk, whatever else goes on.
    controlQuorum(snapshot),
    serverAnswers(request.node, found),
    ...(slot ? mayGo(slot, request.node, group.record.primary, context.slots) : []),
    ...(slot ? whatGoes(slot, request.node, context.slots ?? new Map()) : []),
  ];
  const base: Plan = {
    ...emptyPlan,
    group: request.group,
    epoch: group.record.epoch,
    exclusive: false,
    steps: [
      step('drop-slot', request.node),
      ...(slot?.failover && group.record.primary === request.node ? [step('drop-copies')] : []),
    ],
    checks,
    chosen: request.node,
    expectedPauseMs: 0,
    bytesAtRisk: 0,
  };
  if (found && !slot) {
    const message = `${request.node} has no slot ${request.name}.`;
    return { ...base, refusal: { code: 'NOT_FOUND', clusterCode: null, message, reasons: [] } };
  }
  return { ...base, refusal: refusalFrom(checks, { message: `Slot ${request.name} can't be dropped` }) };
}

function mayGo(slot: SlotInfo, node: string, primary: string | null, slots: PlanContext['slots']): readonly Check[] {
  const checks = [
    check('slot-is-a-users', ownerOf(slot) === 'user', {
      node,
      measured: ownerOf(slot) === 'user' ? 'a user’s' : 'the engine’s',
      limit: 'a user’s',
      remedy:
        'The engine keeps this slot for a member of the group and would make it again: remove the member instead.',
    }),
  ];
  const onPrimary = primary === null ? undefined : slots?.get(primary);
  if (slot.synced && onPrimary && !onPrimary.slots.some((one) => one.name === slot.name)) {
    checks.push(lastCopies(slot, node, primary!, onPrimary, slots!.get(node)!));
  } else if (slot.synced) {
    checks.push(
      check('slot-is-no-copy', false, {
        node,
        measured: 'copy',
        limit: 'the slot itself',
        remedy: `This is a copy: drop the slot on ${primary ?? 'the primary'}, and its copies go by themselves.`,
      }),
    );
  }
  if (slot.temporary && !slot.synced) {
    checks.push(
      check('slot-is-permanent', false, {
        node,
        measured: 'temporary',
        limit: 'permanent',
        remedy: 'A temporary slot ends with the session that made it: end that session.',
      }),
    );
  }
  if (!slot.synced) {
    checks.push(
      check('slot-not-active', !slot.active, {
        node,
        measured: slot.active ? `in use by pid ${slot.activePid}` : 'idle',
        limit: 'idle',
        remedy: `Somebody reads from it: stop that consumer first (or end its session, pid ${slot.activePid}, on ${node}).`,
      }),
    );
  }
  return checks;
}

/** PostgreSQL drops what the primary has no slot for all at once. */
function lastCopies(slot: SlotInfo, node: string, primary: string, onPrimary: NodeSlots, held: NodeSlots): Check {
  const others = held.slots.filter(
    (one) => isReadyCopy(one) && one.name !== slot.name && !onPrimary.slots.some((other) => other.name === one.name),
  );
  const also = others.length > 0 ? ` ${others.map((one) => one.name).join(', ')} go with it.` : '';
  return check('last-copy', false, {
    node,
    severity: 'warning',
    measured: `a copy that ${primary} has no slot for`,
    limit: null,
    remedy: `Its consumer could go on after a switchover to ${node}; after this it has to start over.${also}`,
  });
}

function whatGoes(slot: SlotInfo, node: string, slots: ReadonlyMap<string, NodeSlots>): readonly Check[] {
  const copies = [...slots]
    .filter(([other, { slots: held }]) => other !== node && held.some((one) => one.name === slot.name && one.synced))
    .map(([other]) => other);
  return [
    check('frees-wal', false, {
      node,
      severity: 'info',
      measured: slot.retainedBytes === null ? 'keeps none' : `keeps ${formatBytes(slot.retainedBytes)}`,
      limit: null,
      remedy: `Its consumer's position goes with it: whoever reads from it has to start over.${copies.length > 0 ? ` Its copies on ${copies.join(', ')} go as well.` : ''} WAL is freed at the next checkpoint.`,
    }),
  ];
}
