/**
 * Where everything on the map stands. Depends on ids, groups and regions only, never on roles or states: a failover moves the crown, not the map.
 * Groups are columns, regions are lanes across them; many groups wrap into bands, each with the same lanes.
 */
import type { Rect } from './model';

export type Placed = { readonly id: string; readonly group: string; readonly region: string };

export type MapLayout = {
  readonly nodes: ReadonlyMap<string, Rect>;
  readonly groups: ReadonlyMap<string, Rect>;
  readonly lanes: readonly (Rect & { readonly region: string; readonly band: number })[];
  readonly width: number;
  readonly height: number;
};

export const card = { width: 196, height: 96 } as const;
/** Room between two cards: beside each other for a replication label (labelSize), above each other for that and a round trip. */
const gap = { x: 132, y: 60 } as const;
/** Its name and state, and below them its commit mode. */
export const frameHead = 44;
const framePadding = { top: 60, side: 18, bottom: 0 } as const;
const frameGap = 56;
const laneLabelWidth = 92;
const bandGap = 64;
const columnsPerCell = 3;
/** Width : height that the whole map aims at, so that it fills a screen. */
const aspect = 1.7;

const order = new Intl.Collator('en', { numeric: true }).compare;

export function layoutMap(nodes: readonly Placed[]): MapLayout {
  const regions = [...new Set(nodes.map((node) => node.region))].sort(order);
  const groupNames = [...new Set(nodes.map((node) => node.group))].sort(order);
  const cells = new Map<string, readonly string[]>();
  for (const group of groupNames) {
    for (const region of regions) {
      const ids = nodes.filter((node) => node.group === group && node.region === region).map((node) => node.id);
      cells.set(cellKey(group, region), ids.sort(order));
    }
  }
  const frames = groupNames.map((group) => ({ group, width: frameWidth(group, regions, cells) }));
  const bands = intoBands(frames, regions, cells);

  const placedNodes = new Map<string, Rect>();
  const placedGroups = new Map<string, Rect>();
  const lanes: (Rect & { region: string; band: number })[] = [];
  let top = 0;
  let width = 0;
  for (const [bandIndex, band] of bands.entries()) {
    const heights = regions.map((region) => laneHeight(band, region, cells));
    const frameHeight = framePadding.top + sum(heights) + framePadding.bottom;
    let left = laneLabelWidth;
    for (const frame of band) {
      placedGroups.set(frame.group, { x: left, y: top, width: frame.width, height: frameHeight });
      placeGroup(
        frame.group,
        { left: left + framePadding.side, top: top + framePadding.top },
        regions,
        heights,
        cells,
        placedNodes,
      );
      left += frame.width + frameGap;
    }
    const bandWidthUsed = left - frameGap + framePadding.side;
    width = Math.max(width, bandWidthUsed);
    let laneTop = top + framePadding.top - gap.y / 4;
    for (const [index, region] of regions.entries()) {
      const height = heights[index] ?? 0;
      if (height > 0) lanes.push({ region, band: bandIndex, x: 0, y: laneTop, width: bandWidthUsed, height });
      laneTop += height;
    }
    top += frameHeight + bandGap;
  }
  return { nodes: placedNodes, groups: placedGroups, lanes, width, height: Math.max(0, top - bandGap) };
}

type Frame = { readonly group: string; readonly width: number };

function placeGroup(
  group: string,
  origin: { readonly left: number; readonly top: number },
  regions: readonly string[],
  heights: readonly number[],
  cells: ReadonlyMap<string, readonly string[]>,
  placed: Map<string, Rect>,
): void {
  let top = origin.top;
  for (const [index, region] of regions.entries()) {
    for (const [position, id] of (cells.get(cellKey(group, region)) ?? []).entries()) {
      const column = position % columnsPerCell;
      const row = Math.floor(position / columnsPerCell);
      placed.set(id, {
        x: origin.left + column * (card.width + gap.x),
        y: top + row * (card.height + gap.y),
        width: card.width,
        height: card.height,
      });
    }
    top += heights[index] ?? 0;
  }
}

function cellKey(group: string, region: string): string {
  return `${group}\u0000${region}`;
}

function frameWidth(group: string, regions: readonly string[], cells: ReadonlyMap<string, readonly string[]>): number {
  const widest = Math.max(...regions.map((region) => cells.get(cellKey(group, region))?.length ?? 0));
  const columns = Math.min(columnsPerCell, Math.max(1, widest));
  return columns * card.width + (columns - 1) * gap.x + 2 * framePadding.side;
}

/** 0 when no group of the band has a node there: an empty lane takes no room. */
function laneHeight(band: readonly Frame[], region: string, cells: ReadonlyMap<string, readonly string[]>): number {
  const most = Math.max(...band.map((frame) => cells.get(cellKey(frame.group, region))?.length ?? 0));
  return Math.ceil(most / columnsPerCell) * (card.height + gap.y);
}

/** The number of bands whose outline comes closest to the wanted shape; a tie goes to fewer bands. */
function intoBands(
  frames: readonly Frame[],
  regions: readonly string[],
  cells: ReadonlyMap<string, readonly string[]>,
): readonly (readonly Frame[])[] {
  const total = sum(frames.map((frame) => frame.width + frameGap));
  let best: readonly (readonly Frame[])[] = [];
  let bestDistance = Number.POSITIVE_INFINITY;
  for (let count = 1; count <= frames.length; count += 1) {
    const bands = wrapped(frames, total / count);
    const width = Math.max(...bands.map((band) => sum(band.map((frame) => frame.width + frameGap))));
    const height = sum(
      bands.map(
        (band) =>
          framePadding.top +
          framePadding.bottom +
          bandGap +
          sum(regions.map((region) => laneHeight(band, region, cells))),
      ),
    );
    const distance = Math.abs(Math.log(width / height / aspect));
    if (distance < bestDistance) {
      best = bands;
      bestDistance = distance;
    } else if (width / height < aspect) {
      // From here on every further band only makes the map narrower.
      break;
    }
  }
  return best;
}

function wrapped(frames: readonly Frame[], limit: number): readonly (readonly Frame[])[] {
  const bands: Frame[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const frame of frames) {
    if (used + frame.width > limit) {
      bands.push([]);
      used = 0;
    }
    bands.at(-1)?.push(frame);
    used += frame.width + frameGap;
  }
  return bands;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
