/** Rules about slots that several plans share: that the server could be asked, and that a setting leaves room for the slots there are. */
import type { NodeId } from '../../kernel/ids';
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

/** Settings that the slots of a server depend on. */
export function concernsSlots(request: OperationRequest): boolean {
  if (request.kind === 'create-slot' || request.kind === 'drop-slot') return true;
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
