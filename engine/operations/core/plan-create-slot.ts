/** Create a replication slot on a group's primary: the name, what it needs of the server, room for it, and what becomes of it at a change of primary. */
import {
  enginePrefix,
  fateOf,
  isPluginName,
  isSlotName,
  ownerOf,
  reservedSlots,
} from '../../replication/core/slot-rules';
import type { NodeSlots, SlotInfo, SlotSpec } from '../../replication/model';
import type { Check } from '../model';
import { check, controlQuorum, noOperationRunning } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, groupNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { serverAnswers } from './slot-checks';
import { type ClusterSnapshot, formatBytes, type GroupSnapshot } from './snapshot';
import { step } from './steps';

export const createSlot = defineOperation<'create-slot'>({
  kind: 'create-slot',
  holds: { group: 'text', slot: 'object' },
  plan: planCreateSlot,
  concernsSlots: () => true,
});

function planCreateSlot(request: RequestOf<'create-slot'>, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const group = snapshot.groups.get(request.group);
  if (!group) return groupNotFound(request.group);
  const primary = group.record.primary;
  const slots = context.slots ?? new Map<string, NodeSlots>();
  const found = primary === null ? undefined : slots.get(primary);
  const badInput = [...namedRight(request.slot), ...definedRight(request.slot, found)];
  const checks = [
    controlQuorum(snapshot),
    noOperationRunning(snapshot, group),
    serverAnswers(primary, found),
    ...badInput,
    ...(found && primary !== null ? fits(request.slot, primary, found, slots, group) : []),
  ];
  const refusal = refusalFrom(checks, { message: `Slot ${request.slot.name} can't be created` });
  const isBad = badInput.some((entry) => !entry.ok && entry.severity === 'blocker');
  return {
    ...emptyPlan,
    group: request.group,
    epoch: group.record.epoch,
    exclusive: false,
    steps: [step('create-slot', primary), ...(request.slot.failover ? [step('copy-slot')] : [])],
    checks,
    chosen: primary,
    expectedPauseMs: 0,
    bytesAtRisk: 0,
    refusal: refusal && isBad && refusal.clusterCode === null ? { ...refusal, code: 'INVALID_INPUT' } : refusal,
  };
}

function namedRight({ name }: SlotSpec): readonly Check[] {
  const ours = ownerOf({ name }) === 'engine';
  return [
    check('slot-name', isSlotName(name), {
      measured: name,
      limit: 'a–z, 0–9 and _, at most 63',
      remedy: 'Choose a name of lower-case letters, digits and underscores.',
    }),
    check('slot-name-free-to-use', !ours, {
      measured: name,
      limit: `not beginning with ${enginePrefix}`,
      remedy: `Names that begin with ${enginePrefix} are the engine's own: choose another.`,
    }),
  ];
}

function definedRight(slot: SlotSpec, found: NodeSlots | undefined): readonly Check[] {
  if (slot.type === 'physical') {
    const extra = [
      slot.plugin === null ? null : 'plugin',
      slot.database === null ? null : 'database',
      slot.failover ? 'failover' : null,
      slot.twoPhase ? 'two_phase' : null,
    ].filter((one) => one !== null);
    return [
      check('physical-slot-is-plain', extra.length === 0, {
        measured: extra.join(', ') || 'none',
        limit: 'none',
        remedy:
          'A physical slot has no plugin, database, failover or two_phase: leave them out, or ask for a logical one.',
      }),
    ];
  }
  return [
    check('slot-plugin', slot.plugin !== null && isPluginName(slot.plugin), {
      measured: slot.plugin ?? 'none',
      limit: 'the name of an output plugin',
      remedy: 'Name the output plugin of the logical slot, e.g. pgoutput or test_decoding; a path is not taken.',
    }),
    check('slot-database', slot.database !== null && (found === undefined || found.databases.includes(slot.database)), {
      measured: slot.database ?? 'none',
      limit: found ? found.databases.join(', ') : 'a database of the group',
      remedy: 'Name a database that the group has: a logical slot belongs to one.',
    }),
  ];
}

function fits(
  slot: SlotSpec,
  primary: string,
  found: NodeSlots,
  slots: ReadonlyMap<string, NodeSlots>,
  group: GroupSnapshot,
): readonly Check[] {
  const taken = found.slots.find((one) => one.name === slot.name);
  // A standby's own slot of that name would stop the copying of every failover slot to it.
  const inTheWay = [...slots].filter(
    ([node, { slots: held }]) => node !== primary && held.some((one) => one.name === slot.name && !one.synced),
  );
  const used = Math.max(...[...slots].map(([node, one]) => (node === primary || slot.failover ? one.slots.length : 0)));
  const most = found.slotLimit - reservedSlots;
  const checks = [
    check('slot-name-taken', taken === undefined, {
      node: primary,
      measured: taken === undefined ? 'free' : `${taken.type} slot, ${taken.active ? 'in use' : 'idle'}`,
      limit: 'free',
      remedy: `${primary} has a slot ${slot.name} already: choose another name, or drop that one first.`,
    }),
    check('slots-left', used < most, {
      node: primary,
      measured: `${used} slots`,
      limit: `${most} of ${found.slotLimit}`,
      remedy: `Drop a slot that nobody uses, or raise max_replication_slots: ${reservedSlots} are kept for members of the group.`,
    }),
    ...(slot.type === 'logical' ? [walLevel(primary, found, group)] : []),
    ...inTheWay.map(([node]) =>
      check('slot-name-free-on-standby', false, {
        node,
        severity: slot.failover ? 'blocker' : 'warning',
        measured: 'taken',
        limit: 'free',
        remedy: `${node} holds a slot ${slot.name} of its own, left from when it was primary: drop it there${slot.failover ? ' first' : ', or its consumer may take one for the other'}.`,
      }),
    ),
    walKept(primary, found),
    atSwitchover(slot, primary),
  ];
  return checks;
}

function walLevel(primary: string, found: NodeSlots, group: GroupSnapshot): Check {
  return check('wal-level-is-logical', found.walLevel === 'logical', {
    node: primary,
    measured: found.walLevel,
    limit: 'logical',
    remedy: `Logical slots need wal_level = logical: change that setting of group ${group.record.name} (its members restart one after the other), then ask again.`,
  });
}

/** Nothing stands in the way of a slot that nobody reads; what it costs is said before. */
function walKept(primary: string, { walKeepBytes }: NodeSlots): Check {
  return check('keeps-wal', false, {
    node: primary,
    severity: walKeepBytes === null ? 'warning' : 'info',
    measured: walKeepBytes === null ? 'no limit' : `at most ${formatBytes(walKeepBytes)}`,
    limit: null,
    remedy:
      walKeepBytes === null
        ? `Until its consumer reads, it keeps all WAL of ${primary}, until the disk is full: max_slot_wal_keep_size is not set.`
        : `Until its consumer reads, it keeps WAL on ${primary}; beyond ${formatBytes(walKeepBytes)} (max_slot_wal_keep_size) the slot is lost, not the disk.`,
  });
}

function atSwitchover(slot: SlotSpec, primary: string): Check {
  const fresh: SlotInfo = {
    ...slot,
    temporary: false,
    active: false,
    activePid: null,
    restartLsn: null,
    confirmedFlushLsn: null,
    walStatus: null,
    safeWalBytes: null,
    retainedBytes: null,
    catalogXmin: null,
    inactiveSince: null,
    invalidationReason: null,
    synced: false,
  };
  const { fate, sentence } = fateOf(fresh, { node: primary, isPrimary: true, readyOn: [], notReadyOn: [] });
  return check('follows-a-change-of-primary', false, {
    severity: slot.failover ? 'info' : 'warning',
    measured: fate === 'not_ready' ? 'copied to the standbys' : 'stays behind',
    limit: null,
    remedy: sentence,
  });
}
