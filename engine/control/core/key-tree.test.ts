import { describe, expect, it } from 'vitest';
import { emptyTree, type KeyTree, pairsFrom, withoutKey, withPair } from './key-tree';

const pair = (key: string, value = 0) => ({ key, value, createRevision: 1, modRevision: 1 });
const keysOf = (tree: KeyTree, from = '') => [...pairsFrom(tree, from)].map(({ key }) => key);

/** Draws 0 ≤ n < limit, the same numbers each time. */
function draws(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

describe('key tree', () => {
  it.each([1, 2, 3])(
    'agrees with a sorted map through many changes, and older trees stay what they were (%i)',
    (seed) => {
      const draw = draws(seed);
      const naive = new Map<string, number>();
      let tree = emptyTree;
      const kept: { readonly tree: KeyTree; readonly keys: string[] }[] = [];
      for (let step = 0; step < 3000; step++) {
        const key = `k/${draw(500)}`;
        if (draw(3) === 0) {
          naive.delete(key);
          tree = withoutKey(tree, key);
        } else {
          naive.set(key, step);
          tree = withPair(tree, pair(key, step));
        }
        if (step % 500 === 0) kept.push({ tree, keys: [...naive.keys()].sort() });
      }
      const expected = [...naive].sort(([a], [b]) => (a < b ? -1 : 1));
      expect([...pairsFrom(tree, '')].map(({ key, value }) => [key, value])).toEqual(expected);
      expect(keysOf(tree, 'k/25')).toEqual(expected.map(([key]) => key).filter((key) => key >= 'k/25'));
      for (const { tree: older, keys } of kept) expect(keysOf(older)).toEqual(keys);
      for (const leaf of tree.leaves) expect(leaf.length > 0 && leaf.length <= 64).toBe(true);
    },
  );

  it('leaves full leaves behind keys that come in order', () => {
    let tree = emptyTree;
    for (let n = 0; n < 1000; n++) tree = withPair(tree, pair(String(n).padStart(5, '0')));
    expect(tree.leaves.length).toBe(Math.ceil(1000 / 64));
  });
});
