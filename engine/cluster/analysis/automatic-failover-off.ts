/** Automatic failover is off or paused for the group. */
import { finding, type GroupAnalyser } from './situation';

export const automaticFailoverOff: GroupAnalyser = (situation) => {
  const { record } = situation.group;
  if (situation.config.autoFailover && record.automaticFailover) return [];
  const by = record.automaticFailoverPausedBy;
  return [
    finding(situation, {
      rule: 'automatic-failover-off',
      severity: 'info',
      sentence: situation.config.autoFailover
        ? `Automatic failover of ${record.name} is paused${by ? ` by ${by}` : ''}.`
        : 'Automatic failover is off for the cluster.',
      remedy: 'Resume it when the reason is gone.',
    }),
  ];
};
