/** Pausing and resuming replay, shared by the two names it has on the wire. */
import { ClusterError } from '@/engine/kernel/errors';
import type { ProcedureContext } from '../context';
import { findNode } from '../shared/find';
import { requesterOf } from '../shared/identity';

export async function setReplayPaused(context: ProcedureContext, id: string, paused: boolean) {
  const node = findNode(context.engine.current().view, id);
  if (node.role === 'primary') {
    throw new ClusterError('CONFLICT', `${id} is a primary: it replays nothing`, {
      reasons: [
        {
          rule: 'node-is-standby',
          measured: 'primary',
          limit: 'standby',
          remedy: 'Name a standby of the group',
          node: id,
        },
      ],
    });
  }
  const result = await context.engine.node(id, 'node.replay', {
    paused,
    requester: requesterOf(context),
  });
  return {
    success: true,
    message: result.paused ? `${id} no longer replays` : `${id} replays`,
    node_id: id,
    replay_paused: result.paused,
  };
}
