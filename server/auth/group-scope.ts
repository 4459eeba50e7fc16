/**
 * What is left of the cluster for a key that is limited to groups: a view that holds only those groups, their nodes and operations, and
 * nothing that names another. Pure. Invariant: what can't be told to belong to an allowed group is left out.
 */
import type { ClusterView, NodeView } from '@/engine/cluster/model';
import type { EngineEvent } from '@/engine/monitoring/model';
import type { Operation, OperationRequest } from '@/engine/operations/model';
import type { Identity } from './api';

export type GroupScope = ReadonlySet<string>;

/** Null: everything. */
export function scopeOf(identity: Identity): GroupScope | null {
  return identity.kind === 'api-key' && identity.groups ? new Set(identity.groups) : null;
}

/** Distinguishes what callers of different scopes may see of the same thing; empty for those who may see all. */
export function scopeKey(identity: Identity): string {
  const scope = scopeOf(identity);
  return scope === null ? '' : [...scope].sort().join(',');
}

export function scopeView(view: ClusterView, scope: GroupScope): ClusterView {
  const groups = view.groups.filter((one) => scope.has(one.record.name));
  const nodes = view.nodes.filter((one) => scope.has(one.record.group));
  const ids = new Set(nodes.map((one) => one.record.id));
  const keep = <V>(entries: Readonly<Record<string, V>>) =>
    Object.fromEntries(Object.entries(entries).filter(([id]) => ids.has(id)));
  const { raft } = view;
  return {
    ...view,
    servedBy: ids.has(view.servedBy) ? view.servedBy : '',
    config: {
      ...view.config,
      loadBalancer: { ...view.config.loadBalancer, weights: keep(view.config.loadBalancer.weights) },
    },
    groups,
    nodes: nodes.map((one) => withoutOthers(one, ids)),
    links: view.links.filter((one) => ids.has(one.from) && ids.has(one.to)),
    problems: view.problems.filter(
      (one) => (one.group !== null && scope.has(one.group)) || (one.node !== null && ids.has(one.node)),
    ),
    operations: view.operations.filter((one) => operationInScope(one, scope)),
    sentence: groups.map((one) => one.sentence).join(' '),
    raft: {
      ...raft,
      leader: raft.leader !== null && ids.has(raft.leader) ? raft.leader : null,
      peers: raft.peers.filter((one) => ids.has(one.id)),
      configuration: {
        voters: raft.configuration.voters.filter((one) => ids.has(one.id)),
        learners: raft.configuration.learners.filter((one) => ids.has(one.id)),
      },
    },
  };
}

function withoutOthers(node: NodeView, ids: ReadonlySet<string>): NodeView {
  if (node.report === null) return node;
  return { ...node, report: { ...node.report, links: node.report.links.filter((one) => ids.has(one.peer)) } };
}

export function operationInScope(operation: Operation, scope: GroupScope): boolean {
  return operation.group !== null && scope.has(operation.group);
}

/** The group that a request changes, as the whole view knows it; null: none or unknown. */
export function groupOfRequest(request: OperationRequest, view: ClusterView): string | null {
  return 'group' in request ? request.group : groupOfNode(request.node, view);
}

export function groupOfNode(node: string, view: ClusterView): string | null {
  return view.nodes.find((one) => one.record.id === node)?.record.group ?? null;
}

/** An event belongs to the group that it names, else to that of its node; what is about the cluster as a whole belongs to none. */
export function eventInScope(event: EngineEvent, view: ClusterView, scope: GroupScope): boolean {
  const { payload } = event;
  if (typeof payload.group === 'string') return scope.has(payload.group);
  const named = [payload.node_id, payload.replica_id, /^(?:node|replica):(.+)$/.exec(event.source)?.[1]];
  const node = named.find((one) => typeof one === 'string');
  const group = typeof node === 'string' ? groupOfNode(node, view) : null;
  return group !== null && scope.has(group);
}
