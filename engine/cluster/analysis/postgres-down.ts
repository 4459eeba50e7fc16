/** The primary's agent answers, but its PostgreSQL does not serve. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const postgresDown: GroupAnalyser = (situation) => {
  const { primary, config } = situation;
  if (!primary || !isFresh(primary, config.leaseMs) || situation.operation !== null) return [];
  const { state } = primary.report!.postgres;
  if (state === 'primary' || primary.record.wanted === 'stopped') return [];
  return [
    finding(situation, {
      rule: 'postgres-down',
      severity: 'critical',
      node: primary.record.id,
      sentence: `PostgreSQL of ${situation.group.record.name}'s primary ${primary.record.id} is ${state}${primary.report!.activity ? ` (${primary.report!.activity})` : ''}.`,
      remedy: 'Its agent restarts it or hands the group over; see the log of the node.',
    }),
  ];
};
