/** Rules about slots that several plans share: that the server could be asked, and that a setting leaves room for the slots there are. */
import type { NodeId } from '../../kernel/ids';
import { isReadyCopy, ownerOf } from '../../replication/core/slot-rules';
import type { NodeSlots } from '../../replication/model';
import type { Check } from '../model';
import { check } from './checks';
import type { Settings } from './operation-kind';
import type { PlanContext } from './plan-model';
import { slotHoldings } from './slot-holdings';
import type { GroupSnapshot } from './snapshot';

/** What rustydb.conf gives a group that sets nothing else. */
const usual = { wal_level: 'logical', max_replication_slots: '32' } as const;

export function serverAnswers(node: NodeId | null, found: NodeSlots | undefined): Check {
  return check('server-answers', found !== undefined, {
    node,
    measured: node === null ? 'no primary' : found === undefined ? 'no answer' : 'answers',
    limit: 'answers',
    remedy:
      node === null
        ? 'The group has no primary now: wait until it has one.'
        : `PostgreSQL of ${node} does not answer: start it, or wait until it has started.`,
  });
}

/** Whether a change of these settings may leave slots without what they need. */
export function touchSlots(settings: Settings): boolean {
  return Object.keys(usual).some((name) => name in settings);
}

/** PostgreSQL does not start with fewer slots than it holds, nor with logical ones below wal_level = logical: after such a restart nobody would serve. */
export function slotsSurvive(settings: Settings, slots: PlanContext['slots']): readonly Check[] {
  const held = [...(slots ?? [])];
  const checks: Check[] = [];
  if ('wal_level' in settings && (settings.wal_level ?? usual.wal_level) !== 'logical') {
    const logical = held.flatMap(([node, one]) =>
      one.slots.filter((slot) => slot.type === 'logical').map((slot) => `${slot.name} on ${node}`),
    );
    checks.push(
      check('no-logical-slots', logical.length === 0, {
        measured: logical.join(', ') || 'none',
        limit: 'none',
        remedy:
          'PostgreSQL does not start with a logical slot below wal_level = logical: drop the logical slots first.',
      }),
    );
  }
  if ('max_replication_slots' in settings) {
    const wanted = Number(settings.max_replication_slots ?? usual.max_replication_slots);
    const used = Math.max(0, ...held.map(([, one]) => one.slots.length));
    checks.push(
      check('slots-fit', !(wanted < used), {
        measured: `${used} slots on one member`,
        limit: String(wanted),
        remedy: `PostgreSQL does not start with more slots than max_replication_slots: drop slots first, or keep at least ${used}.`,
      }),
    );
  }
  return checks;
}

/** What users have on the old primary and the new one will not have: their consumers start over. Of failover slots the candidates' own rule says no. */
export function slotsFollow(
  group: GroupSnapshot,
  chosen: NodeId | null,
  slots: PlanContext['slots'],
): readonly Check[] {
  const { primary } = group.record;
  const held = primary === null ? undefined : slots?.get(primary);
  const users = (held?.slots ?? []).filter((slot) => ownerOf(slot) === 'user' && !slot.temporary);
  if (primary === null || users.length === 0) return [];
  const copies = (chosen === null ? undefined : slots?.get(chosen))?.slots.filter(isReadyCopy) ?? [];
  const left = users.filter((slot) => !copies.some((copy) => copy.name === slot.name));
  const names = left.map((slot) => slot.name).join(', ');
  const copied = left.some((slot) => !slot.failover) ? ' Logical slots with failover are copied.' : '';
  return [
    check('slots-follow', left.length === 0, {
      node: primary,
      severity: 'warning',
      measured: left.length === 0 ? users.map((slot) => slot.name).join(', ') : `stays behind: ${names}`,
      limit: `ready copies on ${chosen ?? 'the new primary'}`,
      remedy: `${names} ${left.length === 1 ? 'stays' : 'stay'} on ${primary}: whoever reads from there starts over on the new primary.${copied}`,
    }),
  ];
}

/** An unplanned change goes on without the copies of slots, and says so. */
export function slotsLeft(group: GroupSnapshot, chosen: NodeId | null): readonly Check[] {
  if (chosen === null) return [];
  const { names, missingOn } = slotHoldings(group);
  if (names.length === 0) return [];
  const missing = missingOn(chosen);
  return [
    check('slots-follow', missing.length === 0, {
      node: chosen,
      severity: 'warning',
      measured: missing.length === 0 ? names.join(', ') : `no ready copy of ${missing.join(', ')}`,
      limit: 'a ready copy of each failover slot',
      remedy: `Consumers of ${missing.join(', ')} start over on ${chosen}.`,
    }),
  ];
}

/** A new copy of a member, or its removal, takes the slots with it that it alone still has. */
export function noLastCopy(group: GroupSnapshot, node: NodeId, slots: PlanContext['slots']): readonly Check[] {
  const { primary } = group.record;
  const onPrimary = primary === null ? undefined : slots?.get(primary);
  if (primary === node || onPrimary === undefined) return [];
  const elsewhere = (name: string) =>
    [...(slots ?? [])].some(([other, one]) => other !== node && one.slots.some((slot) => slot.name === name));
  const last = (slots?.get(node)?.slots ?? []).filter(
    (slot) => slot.failover && !slot.temporary && slot.invalidationReason === null && ownerOf(slot) === 'user',
  );
  const names = last.map((slot) => slot.name).filter((name) => !elsewhere(name));
  if (names.length === 0) return [];
  return [
    check('no-last-copy', false, {
      node,
      measured: names.join(', '),
      limit: 'none',
      remedy: `Nobody but ${node} has ${names.join(', ')} any more: switch over to ${node}, where ${names.length === 1 ? 'its consumer goes' : 'their consumers go'} on, or drop ${names.length === 1 ? 'it' : 'them'} there first.`,
    }),
  ];
}
