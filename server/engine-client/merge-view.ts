/** The local copy of the view, kept by items of `view.stream`. Pure. */
import type { ClusterView, NodeView } from '@/engine/cluster/model';
import type { ViewItem } from '@/engine/runtime/engine-api';

/** Null stays null: a patch before the first whole view means nothing. */
export function mergeView(view: ClusterView | null, item: ViewItem): ClusterView | null {
  if (item.kind === 'full') return item.view;
  if (view === null) return null;
  const nodes =
    item.nodes || item.removedNodes ? mergeNodes(view.nodes, item.nodes ?? [], item.removedNodes ?? []) : view.nodes;
  return { ...view, ...item.rest, revision: item.revision, at: item.at, nodes };
}

/** In place, new ones last; one pass, because all of a thousand nodes may have changed. */
function mergeNodes(
  before: ClusterView['nodes'],
  changed: ClusterView['nodes'],
  removed: readonly string[],
): ClusterView['nodes'] {
  const gone = new Set(removed);
  const fresh = new Map(changed.map((node) => [node.record.id, node]));
  const nodes: NodeView[] = [];
  for (const node of before) {
    const { id } = node.record;
    if (!gone.has(id)) nodes.push(fresh.get(id) ?? node);
    fresh.delete(id);
  }
  nodes.push(...fresh.values());
  return nodes;
}
