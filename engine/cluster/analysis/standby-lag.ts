/** A standby is further behind than the limits of the configuration. */
import { lagBytes } from '../../kernel/lsn';
import { formatBytes, isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const standbyLag: GroupAnalyser = (situation) => {
  const { config, primary } = situation;
  const primaryLsn = primary?.report?.postgres.lsn ?? null;
  return situation.standbys.flatMap((member) => {
    if (!isFresh(member, config.leaseMs) || member.report!.postgres.state !== 'standby') return [];
    // Said by replay-paused, with what ends it.
    if (member.report!.postgres.replayPaused) return [];
    const lag = lagBytes(primaryLsn, member.report!.postgres.replayLsn);
    if (lag === null || lag < config.health.lagWarningBytes) return [];
    const critical = lag >= config.health.lagCriticalBytes;
    return [
      finding(situation, {
        rule: 'standby-lag',
        severity: critical ? 'critical' : 'warning',
        node: member.record.id,
        sentence: `${member.record.id} is ${formatBytes(lag)} behind; limit ${formatBytes(critical ? config.health.lagCriticalBytes : config.health.lagWarningBytes)}.`,
        remedy: `See the load, the disk and the network of ${member.record.id}.`,
      }),
    ];
  });
};
