/** Members promised a newer epoch than the one in force: an abandoned change of primary. They follow again once the primary holds that epoch. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const strandedPromises: GroupAnalyser = (situation) => {
  const { record } = situation.group;
  if (record.operation !== null || record.primary === null) return [];
  const stranded = situation.standbys.filter(
    (member) => isFresh(member, situation.config.leaseMs) && member.report!.promisedEpoch > record.epoch,
  );
  if (stranded.length === 0) return [];
  return [
    finding(situation, {
      rule: 'stranded-promises',
      severity: 'warning',
      sentence: `${stranded.map((member) => member.record.id).join(', ')} promised a newer epoch of ${record.name} than ${record.epoch} and follow nobody.`,
      remedy: `${record.primary} is granted a newer epoch by itself.`,
    }),
  ];
};
