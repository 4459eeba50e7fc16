/** The primary's lease has run out or was given back, so nobody may serve the group. */
import { finding, type GroupAnalyser } from './situation';

export const leaseExpired: GroupAnalyser = (situation) => {
  const { record, leaseRemainingMs } = situation.group;
  if (record.primary === null || leaseRemainingMs === null) return [];
  if (leaseRemainingMs > 0 && !record.leaseReleased) return [];
  const { operation } = situation;
  // Said by primary-changing.
  if (situation.planned !== null) return [];
  const step = operation?.steps.findIndex((entry) => entry.state === 'running') ?? -1;
  const doing = operation
    ? `; ${operation.chosen ? `promoting ${operation.chosen}` : 'changing the primary'}${step >= 0 ? `: step ${step + 1} of ${operation.steps.length}` : ''}`
    : '';
  return [
    finding(situation, {
      rule: 'lease-expired',
      severity: 'critical',
      node: record.primary,
      sentence: `${record.name} has no primary: ${record.primary} ${record.leaseReleased ? 'gave its lease back' : 'lost its lease'}${doing}.`,
      remedy: operation ? 'Watch the running operation.' : 'See the candidates on the failover page.',
    }),
  ];
};
