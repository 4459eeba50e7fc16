/** Replay of a standby is paused: what it has not replayed it must replay before it can take over, and it grows with every write. */
import { lagBytes } from '../../kernel/lsn';
import { formatBytes, isFresh } from '../../operations/core/snapshot';
import { ownShortfall } from '../core/standby-parameters';
import { finding, type GroupAnalyser } from './situation';

export const replayPaused: GroupAnalyser = (situation) => {
  const { config, group, primary } = situation;
  const { lagWarningBytes, lagCriticalBytes } = config.health;
  const primaryLsn = primary?.report?.postgres.lsn ?? null;
  return situation.standbys.flatMap((member) => {
    const postgres = member.report?.postgres;
    if (!postgres?.replayPaused || !isFresh(member, config.leaseMs)) return [];
    // PostgreSQL itself stopped it, and to resume it would end the server: standby-parameters tells of that.
    if (ownShortfall(postgres.parameters).length > 0) return [];
    const id = member.record.id;
    const behind = lagBytes(primaryLsn ?? postgres.receiveLsn, postgres.replayLsn);
    const votes = group.record.voterSet.members.includes(id);
    // In this mode a commit waits until it is replayed.
    const holdsCommits = votes && group.record.mode === 'synchronous';
    const critical = holdsCommits || (behind !== null && behind >= lagCriticalBytes);
    const warning = votes || (behind !== null && behind >= lagWarningBytes);
    const kept = behind === null || behind === 0 ? '' : `: ${formatBytes(behind)} are not replayed yet`;
    const waits = holdsCommits ? `; commits of ${group.record.name} wait for it` : '';
    return [
      finding(situation, {
        rule: 'replay-paused',
        severity: critical ? 'critical' : warning ? 'warning' : 'info',
        node: id,
        sentence: `Replay of ${id} is paused${kept}${waits}.`,
        remedy: `Resume it: rustydbctl replication resume-replica ${id}, POST /api/v1/replication/replicas/${id}/resume, or Resume on the replication page.`,
      }),
    ];
  });
};
