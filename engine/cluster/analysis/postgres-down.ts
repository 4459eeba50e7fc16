/** The primary's agent answers, but its PostgreSQL does not serve. */
import { type GroupSnapshot, isFresh } from '../../operations/core/snapshot';
import type { PostgresState } from '../model';
import { finding, type GroupAnalyser } from './situation';

/** While an operation owns the group, a server that starts, recovers or is being promoted is its doing; one that does not run is not. */
const down: ReadonlySet<PostgresState> = new Set(['absent', 'stopped', 'crashed']);

export const postgresDown: GroupAnalyser = (situation) => {
  const { primary, config, group } = situation;
  if (!primary || !isFresh(primary, config.leaseMs) || situation.planned !== null) return [];
  const { state } = primary.report!.postgres;
  if (state === 'primary' || primary.record.wanted === 'stopped') return [];
  if (situation.operation !== null && !(down.has(state) && isGranted(group))) return [];
  return [
    finding(situation, {
      rule: 'postgres-down',
      severity: 'critical',
      node: primary.record.id,
      sentence: `PostgreSQL of ${group.record.name}'s primary ${primary.record.id} is ${state}${primary.report!.activity ? ` (${primary.report!.activity})` : ''}.`,
      remedy: 'Its agent restarts it or hands the group over; see the log of the node.',
    }),
  ];
};

/** Where the lease is over, lease-expired tells of both. */
function isGranted({ record, leaseRemainingMs }: GroupSnapshot): boolean {
  return !record.leaseReleased && (leaseRemainingMs === null || leaseRemainingMs > 0);
}
