/** Roles or databases whose commits return before a standby has them: what they write may be lost at a failover, in whatever mode the group is. */
import { isFresh } from '../../operations/core/snapshot';
import { commitsWait } from '../core/voter-set';
import { finding, type GroupAnalyser } from './situation';

export const lowerCommits: GroupAnalyser = (situation) => {
  const { primary, group, config } = situation;
  if (primary === null || !isFresh(primary, config.leaseMs) || !commitsWait(group.record)) return [];
  const found = primary.report!.postgres.lowerCommits ?? [];
  if (found.length === 0) return [];
  const more = found.length > 3 ? ` and ${found.length - 3} more` : '';
  return [
    finding(situation, {
      rule: 'lower-synchronous-commit',
      severity: 'warning',
      sentence: `Commits of ${found.slice(0, 3).join(', ')}${more} do not wait for a standby in ${group.record.name}: a failover may lose them.`,
      remedy:
        'ALTER ROLE … RESET synchronous_commit, or ALTER DATABASE … RESET synchronous_commit, unless that is wanted.',
    }),
  ];
};
