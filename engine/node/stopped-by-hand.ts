/**
 * A node that somebody wants stopped. Invariant: one that was primary keeps the lease only as long as nobody else can take over; then it gives it back, since
 * a stopped server that renews its lease would leave the group without a primary.
 */
import type { LeaseHolder } from './lease-holder';
import type { NodeContext } from './node-context';
import type { StandbyStop } from './standby-stop';
import type { Successors } from './successors';

const stopTimeoutMs = 30_000;

export type StoppedByHandMeans = {
  readonly context: Pick<NodeContext, 'postgres' | 'logger'>;
  readonly lease: Pick<LeaseHolder, 'epoch' | 'state' | 'mayBeHolder' | 'input'>;
  readonly successors: Pick<Successors, 'possible'>;
  readonly standbyStop: Pick<StandbyStop, 'ready'>;
};

/** One look; `doing` is told what is under way. */
export async function keepStopped(
  { context, lease, successors, standbyStop }: StoppedByHandMeans,
  doing: (what: string) => void,
): Promise<'stopped' | 'not-yet'> {
  const { postgres, logger } = context;
  if (await postgres.isDead()) {
    if (lease.epoch !== null && !lease.state.giveBack && successors.possible()) {
      logger.info({ epoch: lease.epoch }, 'stopped by hand as primary: gives the lease back');
      lease.input({ kind: 'give-back', mode: 'planned' });
      lease.input({ kind: 'all-dead' });
    }
    return 'stopped';
  }
  if (lease.mayBeHolder()) doing('stopped by hand: waits until another node is primary');
  else if (!(await standbyStop.ready())) doing('stopping by hand: makes a restartpoint first');
  else {
    doing('stopping by hand');
    await postgres.stop('fast', stopTimeoutMs);
  }
  return 'not-yet';
}
