/**
 * The page's copy of the live view, kept by the items of `view.patches`. Pure. Invariants: rows that did not change stay the same objects, so what is
 * drawn from them is not drawn again; an item that does not follow the one before it is a gap and changes nothing.
 */
import type { Live, LivePatch, Topology } from './wire';

export type LiveCopy = { readonly live: Live; readonly sequence: number };
export type Applied = { readonly kind: 'applied'; readonly copy: LiveCopy } | { readonly kind: 'gap' };

export function applyPatch(copy: LiveCopy | null, item: LivePatch): Applied {
  if (item.whole !== null) return { kind: 'applied', copy: { live: item.whole, sequence: item.sequence } };
  if (copy === null || item.base !== copy.sequence) return { kind: 'gap' };
  const { topology, operations } = copy.live;
  const nodes = withRows(topology.nodes, item.nodes);
  const groups = withRows(topology.groups, item.groups);
  const links = withRows(topology.links, item.links);
  if (nodes === null || groups === null || links === null) return { kind: 'gap' };
  const next = { ...topology, ...(item.rest as Partial<Topology>), nodes, groups, links };
  return {
    kind: 'applied',
    copy: { live: { topology: next, operations: item.operations ?? operations }, sequence: item.sequence },
  };
}

function withRows<T extends object>(rows: T[], changes: readonly Readonly<Record<string, unknown>>[]): T[] | null {
  if (changes.length === 0) return rows;
  const next = [...rows];
  for (const { at, ...fields } of changes) {
    const row = typeof at === 'number' ? next[at] : undefined;
    if (row === undefined) return null;
    next[at as number] = { ...row, ...fields };
  }
  return next;
}
