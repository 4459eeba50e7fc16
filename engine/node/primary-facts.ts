/** What this node's primary tells a member that comes back: read anew at each question, for whoever asks acts on it at once. */
import { ClusterError } from '../kernel/errors';
import type { LeaseHolder } from './lease-holder';
import type { NodeContext } from './node-context';
import type { PrimaryFacts } from './peer-questions';
import { replayedBy } from './primary-duties';

export async function primaryFacts(
  { postgres, config }: Pick<NodeContext, 'postgres' | 'config'>,
  lease: Pick<LeaseHolder, 'epoch' | 'holds'>,
): Promise<PrimaryFacts> {
  const { epoch } = lease;
  const report = await postgres.report();
  if (report.state !== 'primary') {
    throw new ClusterError('UNAVAILABLE', `PostgreSQL of ${config.nodeId} is ${report.state}.`, {
      clusterCode: 'CLU_PRIMARY_NOT_FOUND',
    });
  }
  const [history, position, inspected, held] = await Promise.all([
    postgres.timelineHistory(),
    postgres.position(),
    postgres.inspect(),
    // Nobody is kept from following because slots could not be read.
    postgres.slots().catch(() => null),
  ]);
  if (inspected.kind === 'absent') throw new ClusterError('UNAVAILABLE', `${config.nodeId} has no data.`);
  return {
    node: config.nodeId,
    group: config.group,
    epoch: epoch ?? 0,
    healthy: epoch !== null && lease.holds(epoch) && report.state === 'primary',
    timeline: position.timeline,
    history,
    systemIdentifier: inspected.control.systemIdentifier,
    currentLsn: position.lsn,
    knowsTags: true,
    replayed: replayedBy(report),
    // A primary writes into its control file what it runs with.
    parameters: inspected.control.parameters,
    failoverSlots: held?.slots.filter((slot) => slot.failover).map((slot) => slot.name),
    dataBytes: (report.databaseBytes ?? 0) + 128 * 1024 * 1024,
  };
}
