/** A copy of the primary's data over the network, as `postgres/base-backup.ts`: complete or nothing. */
import { ClusterError } from '../../kernel/errors';
import type { PostgresServer } from '../../postgres/api';
import type { PgHost } from './pg-host';

type Options = Parameters<PostgresServer['baseBackup']>[0];

export async function copyFromPrimary(
  host: PgHost,
  { slot, signal, onProgress, confirmedTimeline }: Options,
  later: (ms: number) => Promise<void>,
): Promise<void> {
  const { world, data } = host;
  const source = host.upstream();
  const reachable = (): boolean =>
    source !== null &&
    source === host.upstream() &&
    source.serving &&
    source.postmasterAlive &&
    world.network.both(host.id, source.id);
  const until = world.now + world.random.between(150, world.random.chance(0.2) ? 2500 : 700);
  while (world.now < until) {
    if (signal.aborted) throw new ClusterError('UNAVAILABLE', 'the copy was stopped');
    if (!reachable() || host.diskFull()) throw new ClusterError('UNAVAILABLE', 'the copy broke off');
    await later(40);
    onProgress(1_000_000, 10_000_000);
  }
  if (signal.aborted || !reachable() || source === null || !source.data.slots.has(slot))
    throw new ClusterError('UNAVAILABLE', 'the copy broke off');
  const own = data.present ? data.timeline : 0;
  if (source.timeline < (confirmedTimeline ?? own))
    throw new ClusterError('CONFLICT', 'the source has an older timeline');
  world.checker.dataReplaced(host.id, source);
  data.copyFrom(source.data);
  host.engine.damagedByHand = false;
  world.fired('base backup');
}
