/** The group acknowledges commits without a standby: openly degraded, no automatic failover. */
import { finding, type GroupAnalyser } from './situation';

export const groupDegraded: GroupAnalyser = (situation) => {
  const { record } = situation.group;
  if (record.promotable !== 'none' || record.mode === 'asynchronous') return [];
  return [
    finding(situation, {
      rule: 'group-degraded',
      severity: 'warning',
      sentence: `${record.name} is degraded: commits are acknowledged by ${record.primary ?? 'the primary'} alone and it does not fail over by itself.`,
      remedy: 'It ends when a standby has caught up; bring one back.',
    }),
  ];
};
