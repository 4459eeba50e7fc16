/**
 * All pairs in order of their keys, as a persistent value: a change copies one leaf and the list of leaves, so whoever kept an older tree keeps what it
 * was. A snapshot is taken by keeping the tree, however large the state is.
 *
 * Invariant: leaves are never empty, never longer than `leafLimit`, and never changed in place once a tree holds them.
 */
import type { KeyValue } from '../store';

const leafLimit = 64;

export type KeyTree = { readonly leaves: readonly (readonly KeyValue[])[] };

export const emptyTree: KeyTree = { leaves: [] };

export function withPair(tree: KeyTree, pair: KeyValue): KeyTree {
  const { leaves } = tree;
  if (leaves.length === 0) return { leaves: [[pair]] };
  const at = leafOf(tree, pair.key);
  const leaf = leaves[at]!;
  const position = positionIn(leaf, pair.key);
  if (leaf[position]?.key === pair.key) return replaced(tree, at, [leaf.with(position, pair)]);
  const grown = leaf.toSpliced(position, 0, pair);
  if (grown.length <= leafLimit) return replaced(tree, at, [grown]);
  // Keys that come in order leave full leaves behind them.
  const cut = position === leaf.length ? leaf.length : grown.length >> 1;
  return replaced(tree, at, [grown.slice(0, cut), grown.slice(cut)]);
}

export function withoutKey(tree: KeyTree, key: string): KeyTree {
  if (tree.leaves.length === 0) return tree;
  const at = leafOf(tree, key);
  const leaf = tree.leaves[at]!;
  const position = positionIn(leaf, key);
  if (leaf[position]?.key !== key) return tree;
  return replaced(tree, at, leaf.length === 1 ? [] : [leaf.toSpliced(position, 1)]);
}

/** In order, from the first key ≥ `from`. */
export function* pairsFrom(tree: KeyTree, from: string): Generator<KeyValue> {
  const { leaves } = tree;
  if (leaves.length === 0) return;
  let at = leafOf(tree, from);
  let position = positionIn(leaves[at]!, from);
  for (; at < leaves.length; at++, position = 0) {
    const leaf = leaves[at]!;
    for (; position < leaf.length; position++) yield leaf[position]!;
  }
}

function replaced(tree: KeyTree, at: number, by: readonly (readonly KeyValue[])[]): KeyTree {
  return { leaves: tree.leaves.toSpliced(at, 1, ...by) };
}

/** The leaf that holds `key`, or would: the last one that begins at or before it. */
function leafOf({ leaves }: KeyTree, key: string): number {
  let low = 0;
  let high = leaves.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (leaves[middle]![0]!.key <= key) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** Index of the first key ≥ `key`. */
function positionIn(leaf: readonly KeyValue[], key: string): number {
  let low = 0;
  let high = leaf.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (leaf[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
