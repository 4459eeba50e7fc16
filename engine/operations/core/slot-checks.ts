/** Rules about slots that several plans share: that the server could be asked, and that a setting leaves room for the slots there are. */
import type { NodeId } from '../../kernel/ids';
import { isReadyCopy, ownerOf } from '../../replication/core/slot-rules';
import type { NodeSlots } from '../../replication/model';
import type { Check, OperationRequest } from '../model';
import { check } from './checks';
import type { PlanContext } from './plan-model';

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

/** Requests whose plan looks at slots. */
export function concernsSlots(request: OperationRequest): boolean {
  if (request.kind === 'create-slot' || request.kind === 'drop-slot') return true;
  // A planned change has the time to say what becomes of slots; a failover has not.
  if (request.kind === 'failover') return request.mode === 'switchover';
  if (request.kind !== 'change-settings' && request.kind !== 'configure-replication') return false;
  return Object.keys(usual).some((name) => name in request.settings);
}

/** PostgreSQL does not start with fewer slots than it holds, nor with logical ones below wal_level = logical: after such a restart nobody would serve. */
export function slotsSurvive(
  settings: Readonly<Record<string, string | null>>,
  slots: PlanContext['slots'],
): readonly Check[] {
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

/** What users have on the old primary and the new one will not have: their consumers start over. Nothing stands in the way for it. */
export function slotsFollow(
  primary: NodeId | null,
  chosen: NodeId | null,
  slots: PlanContext['slots'],
): readonly Check[] {
  const held = primary === null ? undefined : slots?.get(primary);
  const users = (held?.slots ?? []).filter((slot) => ownerOf(slot) === 'user' && !slot.temporary);
  if (primary === null || users.length === 0) return [];
  const copies = (chosen === null ? undefined : slots?.get(chosen))?.slots.filter(isReadyCopy) ?? [];
  const left = users.filter((slot) => !copies.some((copy) => copy.name === slot.name)).map((slot) => slot.name);
  return [
    check('slots-follow', left.length === 0, {
      node: primary,
      severity: 'warning',
      measured: left.length === 0 ? users.map((slot) => slot.name).join(', ') : `stays behind: ${left.join(', ')}`,
      limit: `ready copies on ${chosen ?? 'the new primary'}`,
      remedy: `${left.join(', ')} ${left.length === 1 ? 'stays' : 'stay'} on ${primary}: whoever reads from there starts over on the new primary. Logical slots with failover are copied.`,
    }),
  ];
}
