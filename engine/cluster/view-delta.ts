/**
 * What changed between two live views, and a view brought up to date by it. Pure. Rows (nodes, groups, links) are told one by one, the rest by section:
 * a thousand nodes report a thousand times a second, and each report concerns one group. What did not change is the same object in both views.
 */
import type { ViewItem } from '../runtime/engine-api';
import type { ClusterView, GroupView, LinkView, NodeView } from './model';

export type RowChanges<T> = {
  /** Changed or new. */
  readonly changed: readonly T[];
  /** Keys of those that are gone. */
  readonly removed: readonly string[];
};

const keyOf = {
  nodes: (node: NodeView) => node.record.id,
  groups: (group: GroupView) => group.record.name,
  links: (link: LinkView) => `${link.kind} ${link.from} ${link.to}`,
} as const;

/** Null: nothing changed. */
export function viewDelta(before: ClusterView, after: ClusterView): ViewItem | null {
  if (before === after || before.revision === after.revision) return null;
  const { nodes, groups, links, revision, at, ...rest } = after;
  const sections: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (!isSame(before[name as keyof ClusterView], value)) sections[name] = value;
  }
  return {
    kind: 'patch',
    revision,
    at,
    ...rows('nodes', rowChanges(before.nodes, nodes, keyOf.nodes)),
    ...rows('groups', rowChanges(before.groups, groups, keyOf.groups)),
    ...rows('links', rowChanges(before.links, links, keyOf.links)),
    ...(Object.keys(sections).length > 0 ? { rest: sections as Partial<typeof rest> } : {}),
  };
}

/** A list of the same objects is the same list. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, at) => one === b[at]);
}

/** Null stays null: a patch before the first whole view means nothing. */
export function mergeView(view: ClusterView | null, item: ViewItem): ClusterView | null {
  if (item.kind === 'full') return item.view;
  if (view === null) return null;
  return {
    ...view,
    ...item.rest,
    revision: item.revision,
    at: item.at,
    nodes: mergeRows(view.nodes, item.nodes, keyOf.nodes),
    groups: mergeRows(view.groups, item.groups, keyOf.groups),
    links: mergeRows(view.links, item.links, keyOf.links),
  };
}

function rowChanges<T>(before: readonly T[], after: readonly T[], key: (row: T) => string): RowChanges<T> | null {
  if (before === after) return null;
  const known = new Set(before);
  const changed = after.filter((row) => !known.has(row));
  const kept = new Set(after);
  const again = new Set(changed.map(key));
  const removed = before.filter((row) => !kept.has(row) && !again.has(key(row))).map(key);
  return changed.length === 0 && removed.length === 0 ? null : { changed, removed };
}

function rows<N extends string, T>(name: N, changes: RowChanges<T> | null): { readonly [K in N]?: RowChanges<T> } {
  return changes === null ? {} : ({ [name]: changes } as { readonly [K in N]: RowChanges<T> });
}

/** In place, new ones last; one pass, because all of a thousand may have changed. */
function mergeRows<T>(before: readonly T[], changes: RowChanges<T> | undefined, key: (row: T) => string): readonly T[] {
  if (changes === undefined) return before;
  const gone = new Set(changes.removed);
  const fresh = new Map(changes.changed.map((row) => [key(row), row]));
  const after: T[] = [];
  for (const row of before) {
    const name = key(row);
    if (!gone.has(name)) after.push(fresh.get(name) ?? row);
    fresh.delete(name);
  }
  after.push(...fresh.values());
  return after;
}
