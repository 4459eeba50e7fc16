/**
 * Settings that a standby must not have lower than its primary, before a planned change of primary. Every member needs what the present primary runs
 * with, or it has not caught up and can't. What the next primary has beyond that stops the replay of the others after the change: they restart then,
 * by themselves, and the plan says so.
 */
import { shortfallOf } from '../../cluster/core/standby-parameters';
import type { NodeId } from '../../kernel/ids';
import type { Check } from '../model';
import { check } from './checks';
import { type GroupSnapshot, isFresh, primaryOf } from './snapshot';

export function followersHaveEnough(group: GroupSnapshot, chosen: NodeId | null, leaseMs: number): readonly Check[] {
  const next = group.members.find((member) => member.record.id === chosen);
  const nextRuns = next?.report?.postgres.parameters?.running;
  const presentRuns = primaryOf(group)?.report?.postgres.parameters?.running;
  return group.members.flatMap((member) => {
    const { id } = member.record;
    const parameters = isFresh(member, leaseMs) ? member.report?.postgres.parameters : null;
    if (!parameters || id === chosen || id === group.record.primary) return [];
    const behind = shortfallOf(parameters.running, presentRuns);
    const later = shortfallOf(parameters.running, nextRuns);
    const [what] = [...behind, ...later];
    if (what === undefined) return [];
    return [
      check('standby-parameters', false, {
        node: id,
        severity: behind.length > 0 ? 'blocker' : 'warning',
        measured: `${what.name} = ${what.running}`,
        limit: `${what.name} = ${what.required}`,
        remedy:
          behind.length > 0
            ? `${id} runs with less than the primary, so its replay stands: wait until it has restarted with enough, or restart it.`
            : `${id} runs with less than ${chosen}: it restarts its PostgreSQL by itself when ${chosen} is primary.`,
      }),
    ];
  });
}
