/** The local copy of the view, kept by items of `view.stream`. Pure. */
import type { ClusterView } from '@/engine/cluster/model';
import type { ViewItem } from '@/engine/runtime/engine-api';

/** Null stays null: a patch before the first whole view means nothing. */
export function mergeView(view: ClusterView | null, item: ViewItem): ClusterView | null {
  if (item.kind === 'full') return item.view;
  if (view === null) return null;
  const removed = new Set(item.removedNodes);
  const changed = new Map((item.nodes ?? []).map((node) => [node.record.id, node]));
  const kept = view.nodes.filter((node) => !removed.has(node.record.id));
  const nodes =
    changed.size === 0 && removed.size === 0
      ? view.nodes
      : [
          ...kept.map((node) => changed.get(node.record.id) ?? node),
          ...[...changed.values()].filter((node) => !view.nodes.some((one) => one.record.id === node.record.id)),
        ];
  return { ...view, ...item.rest, revision: item.revision, at: item.at, nodes };
}
