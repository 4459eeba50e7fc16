/** Where the branches of a transaction stand around their coordinator: left and right of it, one below the other, so that cards never overlap. Pure. */

export const cardWidth = 208;
export const cardHeight = 76;
const gap = 16;
const reach = 72;

export type Placed = {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  /** From the coordinator's edge to the card's. */
  readonly line: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
};

export type BranchLayout = {
  readonly width: number;
  readonly height: number;
  readonly coordinator: { readonly x: number; readonly y: number };
  readonly branches: readonly Placed[];
};

export function layoutBranches(count: number): BranchLayout {
  const onLeft = Math.ceil(count / 2);
  const rows = Math.max(1, onLeft);
  const height = rows * cardHeight + (rows - 1) * gap;
  const middle = (height - cardHeight) / 2;
  const centre = { x: cardWidth + reach, y: middle };
  const branches = Array.from({ length: count }, (_, index): Placed => {
    const left = index < onLeft;
    const of = left ? onLeft : count - onLeft;
    const nth = left ? index : index - onLeft;
    const block = of * cardHeight + (of - 1) * gap;
    const y = (height - block) / 2 + nth * (cardHeight + gap);
    const x = left ? 0 : 2 * (cardWidth + reach);
    const line = {
      x1: left ? centre.x : centre.x + cardWidth,
      y1: centre.y + cardHeight / 2,
      x2: left ? cardWidth : x,
      y2: y + cardHeight / 2,
    };
    return { index, x, y, line };
  });
  return { width: 3 * cardWidth + 2 * reach, height, coordinator: centre, branches };
}
