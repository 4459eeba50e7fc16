/**
 * `node-local`: the name that RustyDB gives the node which answers; clients written for it use it on every path. Here it stands for the control store's
 * leader, which answers by default, in every argument that names a node, on every surface. Only a removal knows the name itself: it refuses it.
 */
import type { ClusterView } from '@/engine/cluster/model';
import type { AnyDefinition } from '../definition';
import { sortedGroups } from './find';

export const localNode = 'node-local';
const itself = new RegExp(`^${localNode}(?=$|:\\d+$)`);
/** Arguments that name nodes. */
const arguments_: ReadonlySet<string> = new Set([
  'id',
  'node',
  'node_id',
  'node_ids',
  'nodes',
  'from',
  'to',
  'target_node',
  'expected_primary',
  'standby_nodes',
  'replica_id',
  'replica_ids',
]);

export function withLocalNode<T>({ name, rest }: AnyDefinition, input: T, view: () => ClusterView): T {
  if (name === 'cluster.removeNode') return input;
  // Users, operations and approvals have an id too.
  if (namesLocal(input, 'id') && !/\/(?:nodes|replicas)\//.test(rest?.path ?? '')) return input;
  return withLocalNames(input, view);
}

/** Also for filters of a stream. */
export function withLocalNames<T>(input: T, view: () => ClusterView): T {
  if (typeof input !== 'object' || input === null) return input;
  const named = Object.entries(input).filter(([key, value]) => arguments_.has(key) && namesIt(value));
  if (named.length === 0) return input;
  const id = localNodeOf(view());
  if (id === null) return input;
  const put = (value: unknown) => (typeof value === 'string' ? value.replace(itself, id) : value);
  const changed = named.map(([key, value]) => [key, Array.isArray(value) ? value.map(put) : put(value)] as const);
  return { ...input, ...Object.fromEntries(changed) };
}

function namesLocal(input: unknown, key: string): boolean {
  return typeof input === 'object' && input !== null && namesIt((input as Record<string, unknown>)[key]);
}

function namesIt(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(namesIt);
  return typeof value === 'string' && itself.test(value);
}

/** A key may be limited to groups that the leader is not in: then the first group's primary. */
function localNodeOf(view: ClusterView): string | null {
  const there = (id: string | null | undefined) => view.nodes.some((node) => node.record.id === id);
  const primary = sortedGroups(view)[0]?.record.primary ?? null;
  return [view.raft.leader, primary, view.nodes[0]?.record.id].find(there) ?? null;
}
