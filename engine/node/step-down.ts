/**
 * A primary stops in order and gives its lease back. Invariant: the lease goes back only after every process of the server is dead, and no renewal that was
 * confirmed meanwhile starts the server again.
 */
import { ClusterError } from '../kernel/errors';
import type { Epoch } from '../kernel/ids';
import { withTimeout } from '../kernel/waiting';
import { releaseOwnLease } from './group-transaction';
import type { LeaseHolder } from './lease-holder';
import type { NodeContext } from './node-context';

const endConsumersTimeoutMs = 500;

export class StepDown {
  constructor(
    private readonly context: NodeContext,
    private readonly lease: LeaseHolder,
  ) {}

  /** @throws ClusterError PRECONDITION_FAILED: another epoch; TIMEOUT: processes are left, so nothing was given back. */
  async stop(epoch: Epoch, timeoutMs: number): Promise<void> {
    const { postgres, config } = this.context;
    const { lease } = this;
    if (!(await postgres.isDead())) {
      if (lease.epoch !== epoch) {
        throw new ClusterError('PRECONDITION_FAILED', `${config.nodeId} does not hold epoch ${epoch}.`, {
          clusterCode: 'CLU_STALE_EPOCH',
        });
      }
      await this.endConsumers();
      // A server that the lease keeper does not know as primary is stopped first: given back, the lease would be released at once.
      if (lease.serving) lease.input({ kind: 'give-back', mode: 'planned' });
      await postgres.stop('fast', timeoutMs);
    }
    // Also of a server that had died before: a renewal that was confirmed meanwhile must not start it again after the lease was released.
    if (lease.epoch === epoch) lease.input({ kind: 'give-back', mode: 'planned' });
    if (!(await postgres.isDead())) throw new ClusterError('TIMEOUT', 'PostgreSQL did not stop in time.');
    lease.input({ kind: 'all-dead' });
  }

  release(epoch: Epoch): Promise<void> {
    return releaseOwnLease(this.context, epoch);
  }

  /** Only where somebody else than members streams: a stop of a cluster without them is not delayed by a question. */
  async endConsumers(): Promise<void> {
    const { reports, loop, postgres, logger } = this.context;
    if ((reports.last?.otherSenders ?? []).length === 0) return;
    const ended = await withTimeout(loop, postgres.endConsumers(), endConsumersTimeoutMs, 'their end').catch(() => 0);
    logger.info({ ended }, 'ended those who stream from here and are no members, before the stop');
  }
}
