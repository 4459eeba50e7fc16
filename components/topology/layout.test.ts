import { describe, expect, it } from 'vitest';
import { layoutMap, type Placed } from './layout';
import type { Rect } from './model';

const fiveNodes: readonly Placed[] = [
  { id: 'node-1', group: 'alpha', region: 'us-east' },
  { id: 'node-2', group: 'alpha', region: 'us-east' },
  { id: 'node-3', group: 'alpha', region: 'eu-west' },
  { id: 'node-4', group: 'beta', region: 'us-east' },
  { id: 'node-5', group: 'beta', region: 'eu-west' },
];

function thousand(): Placed[] {
  return Array.from({ length: 1000 }, (_, index) => ({
    id: `node-${index + 1}`,
    group: `group-${Math.floor(index / 5) + 1}`,
    region: ['us-east', 'eu-west', 'ap-south'][index % 3] ?? 'us-east',
  }));
}

const overlap = (a: Rect, b: Rect) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const inside = (inner: Rect, outer: Rect) =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

describe.each([
  ['the default cluster', fiveNodes],
  ['1,000 nodes', thousand()],
  ['many nodes in one cell', Array.from({ length: 20 }, (_, i) => ({ id: `n-${i}`, group: 'g', region: 'r' }))],
])('%s', (_name, nodes) => {
  const layout = layoutMap(nodes);

  it('places every node inside its group and inside its lane', () => {
    expect(layout.nodes.size).toBe(nodes.length);
    for (const node of nodes) {
      const rect = layout.nodes.get(node.id)!;
      expect(inside(rect, layout.groups.get(node.group)!)).toBe(true);
      const lanes = layout.lanes.filter((lane) => lane.region === node.region);
      expect(lanes.some((lane) => inside(rect, lane))).toBe(true);
    }
  });

  it('lets no two cards of a group and no two groups overlap', () => {
    const groups = [...layout.groups.values()];
    for (const [index, a] of groups.entries())
      for (const b of groups.slice(index + 1)) expect(overlap(a, b)).toBe(false);
    for (const group of layout.groups.keys()) {
      const rects = nodes.filter((node) => node.group === group).map((node) => layout.nodes.get(node.id)!);
      for (const [index, a] of rects.entries())
        for (const b of rects.slice(index + 1)) expect(overlap(a, b)).toBe(false);
    }
  });

  it('does not depend on the order of its input', () => {
    expect(layoutMap([...nodes].reverse())).toEqual(layout);
  });
});

it('fills a screen rather than a ribbon', () => {
  const layout = layoutMap(thousand());
  const ratio = layout.width / layout.height;
  expect(ratio).toBeGreaterThan(0.8);
  expect(ratio).toBeLessThan(3);
});

it('a new standby leaves the other groups of one band where they are', () => {
  const before = layoutMap(fiveNodes);
  const after = layoutMap([...fiveNodes, { id: 'node-6', group: 'beta', region: 'eu-west' }]);
  for (const id of ['node-1', 'node-2', 'node-3']) expect(after.nodes.get(id)).toEqual(before.nodes.get(id));
});

it('an empty cluster is an empty map', () => {
  expect(layoutMap([])).toMatchObject({ width: 0, height: 0, lanes: [] });
});
