/** Why an action on a node makes no sense now, as far as the live view tells; null: it may be tried (the server's plan decides). Pure. */
import type { ClusterNode } from '../../providers/wire';

type Facts = Pick<ClusterNode, 'id' | 'role' | 'wanted' | 'status' | 'maintenance' | 'postgres_state'>;

export type ActionReasons = Readonly<
  Record<'start' | 'stop' | 'restart' | 'maintenance' | 'rejoin' | 'remove' | 'promote', string | null>
>;

export function actionReasons(node: Facts): ActionReasons {
  const stopped = node.wanted === 'stopped';
  const initializing = node.status === 'initializing' ? `${node.id} is still being initialised.` : null;
  return {
    start: stopped ? null : `${node.id} is not stopped.`,
    stop: stopped ? `${node.id} is already stopped.` : initializing,
    restart: stopped ? `${node.id} is stopped: start it instead.` : initializing,
    maintenance: stopped ? `${node.id} is stopped: start it first.` : initializing,
    rejoin:
      node.role === 'primary'
        ? `${node.id} is the primary; only a standby can rejoin.`
        : stopped
          ? `${node.id} is stopped: start it first.`
          : initializing,
    remove: node.role === 'primary' ? `${node.id} is the primary: switch over first.` : null,
    promote:
      node.role === 'primary'
        ? `${node.id} is already the primary.`
        : stopped
          ? `${node.id} is stopped: start it first.`
          : node.maintenance
            ? `${node.id} is in maintenance.`
            : initializing,
  };
}
