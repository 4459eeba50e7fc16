/** Looking things up in the view; what is not there is refused in one wording. */
import type { ClusterView, GroupView, NodeView } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { NodeId } from '@/engine/kernel/ids';
import type { EngineParams, EngineResult } from '@/engine/runtime/engine-api';
import type { EngineClient, NodeMethods } from '@/server/engine-client/api';

export function findNode(view: ClusterView, id: string): NodeView {
  const node = view.nodes.find((one) => one.record.id === id);
  if (!node) throw new ClusterError('NOT_FOUND', `No node ${id}`, { clusterCode: 'CLU_NODE_NOT_FOUND' });
  return node;
}

/** Without a name: the first group by name. */
export function findGroup(view: ClusterView, name: string | undefined): GroupView {
  const group = name === undefined ? sortedGroups(view)[0] : view.groups.find((one) => one.record.name === name);
  if (!group) {
    const message = name === undefined ? 'There is no group yet' : `No group ${name}`;
    throw new ClusterError('NOT_FOUND', message, { clusterCode: 'CLU_GROUP_NOT_FOUND' });
  }
  return group;
}

export function sortedGroups(view: ClusterView): readonly GroupView[] {
  return [...view.groups].sort((a, b) => (a.record.name < b.record.name ? -1 : 1));
}

/** All groups, or the one that is named. */
export function selectGroups(view: ClusterView, name: string | undefined): readonly GroupView[] {
  return name === undefined ? sortedGroups(view) : [findGroup(view, name)];
}

export function primaryOf(view: ClusterView, group: string): NodeView {
  const id = findGroup(view, group).record.primary;
  const node = id === null ? undefined : view.nodes.find((one) => one.record.id === id);
  if (!node) {
    throw new ClusterError('UNAVAILABLE', `${group} has no primary now`, { clusterCode: 'CLU_PRIMARY_NOT_FOUND' });
  }
  return node;
}

type Ask = <M extends NodeMethods>(method: M, params: EngineParams<M>) => Promise<EngineResult<M>>;

/** Asks the named node, else the control store's leader, else (no leader) any node that answers. */
export function leaderOrAny<T>(
  engine: EngineClient,
  wanted: NodeId | undefined,
  run: (ask: Ask) => Promise<T>,
): Promise<T> {
  const { view, live } = engine.current();
  if (wanted !== undefined) findNode(view, wanted);
  const target = wanted ?? (live ? view.raft.leader : null);
  return run((method, params) =>
    target !== null && (wanted !== undefined || engine.connectedNodes().includes(target))
      ? engine.node(target, method, params)
      : engine.anyNode(method, params),
  );
}
