/** Settings that somebody gave the engine's own logins: its sessions pin what they need, so these are leftovers that surprise the next reader, or harm what is not pinned. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

const named = 3;

export const engineRoleSettings: GroupAnalyser = (situation) => {
  const { primary, config } = situation;
  if (primary === null || !isFresh(primary, config.leaseMs)) return [];
  const found = primary.report!.postgres.engineRoleSettings ?? [];
  if (found.length === 0) return [];
  const more = found.length > named ? ` and ${found.length - named} more` : '';
  return [
    finding(situation, {
      rule: 'engine-role-settings',
      severity: 'warning',
      sentence: `Somebody gave logins of the engine settings of their own in ${situation.group.record.name}: ${found.slice(0, named).join('; ')}${more}.`,
      remedy: 'ALTER ROLE … [IN DATABASE …] RESET each of them: these logins are the engine’s alone.',
    }),
  ];
};
