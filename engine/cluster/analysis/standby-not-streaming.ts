/** A running standby gets no WAL from the primary. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const standbyNotStreaming: GroupAnalyser = (situation) => {
  const { leaseMs } = situation.config;
  const { primary } = situation;
  const serving = primary !== null && isFresh(primary, leaseMs) && primary.report!.postgres.state === 'primary';
  if (!serving) return [];
  return situation.standbys
    .filter((member) => isFresh(member, leaseMs) && member.record.wanted === 'running' && !member.record.maintenance)
    .filter((member) => member.report!.postgres.walReceiver?.status !== 'streaming')
    .map((member) =>
      finding(situation, {
        rule: 'standby-not-streaming',
        // The others follow the new primary next: part of the change.
        severity: situation.planned === null ? 'warning' : 'info',
        node: member.record.id,
        sentence: `${member.record.id} does not stream from ${primary.record.id}${member.report!.activity ? `: ${member.report!.activity}` : ''}.`,
        remedy:
          member.report!.troubles[0] ??
          `See the log of ${member.record.id}; rejoin it if it does not come back by itself.`,
      }),
    );
};
