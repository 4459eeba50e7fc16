/** How much one socket may hold. Each subscription costs at every change of the cluster, whatever it cost to open. */
import { setMaxListeners } from 'node:events';
import { ClusterError } from '@/engine/kernel/errors';

export const maxSubscriptions = 100;

/** @throws CONFLICT for one more than may be */
export function requireRoomFor(open: number): void {
  if (open < maxSubscriptions) return;
  throw new ClusterError('CONFLICT', `${maxSubscriptions} subscriptions are open on this socket`, {
    reasons: [
      {
        rule: 'subscriptions-per-socket',
        measured: `${open}`,
        limit: `${maxSubscriptions}`,
        remedy: 'End one first, or open another socket',
      },
    ],
  });
}

/** Fires when the socket has gone; each subscription and each call that waits listens. */
export function socketEnd(): AbortController {
  const gone = new AbortController();
  setMaxListeners(maxSubscriptions * 4, gone.signal);
  return gone;
}
