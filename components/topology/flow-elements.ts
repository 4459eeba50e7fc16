/**
 * Turns layout + data into React Flow's elements. Reuses the previous object of every element that did not change, so that a data tick re-renders
 * only the cards it concerns and never moves anything.
 */
import type { Edge, Node } from '@xyflow/react';
import { type Labelled, type LabelPlace, placeLabels } from './label-places';
import { frameHead, type MapLayout } from './layout';
import { bendOf, type LagBand, type Line, labelSize, lagBand, linkLine, thickness } from './link-style';
import type { MapGroup, MapLayers, MapLink, MapNode, MapService, Rect } from './model';

export type CardData = {
  readonly node: MapNode;
  readonly selected: boolean;
  /** The services that the node stands behind; null while that layer is off. */
  readonly services: readonly MapService[] | null;
};
/**
 * `open`: real cards and links. `summary`: the group as one box. `small`: its nodes as plain boxes, and the links between them as lines, inside the
 * frame's own element, because hundreds of separately transformed elements cost the browser more than a frame to layer.
 */
export type GroupView = 'open' | 'small' | 'summary';

export type FrameData = {
  readonly group: MapGroup;
  readonly members: readonly {
    readonly id: string;
    readonly status: string;
    readonly primary: boolean;
    readonly selected: boolean;
    /** Where its card stands inside the frame. */
    readonly place: Rect;
  }[];
  /** Links between members, in the frame's own coordinates; only of a small group. */
  readonly lines: readonly SmallLine[];
  readonly view: GroupView;
};
/** A link without its numbers: it is drawn anew only when it looks otherwise. */
export type SmallLine = {
  readonly id: string;
  readonly kind: MapLink['kind'];
  readonly band: LagBand;
  readonly width: number;
  readonly path: string;
};
export type LaneData = { readonly region: string };
/** Links between groups while the groups are small: one drawing under all frames. */
export type MeshData = { readonly lines: readonly SmallLine[] };
export type LinkData = {
  readonly link: MapLink;
  readonly line: Line;
  readonly animate: boolean;
  /** Null: the other direction of its pair carries the label, or there is no room for one. */
  readonly label: LabelPlace | null;
  /** The other direction, which the label speaks of too. */
  readonly back: MapLink | null;
};

export type CardNode = Node<CardData, 'card'>;
export type FrameNode = Node<FrameData, 'frame'>;
export type LaneNode = Node<LaneData, 'lane'>;
export type MeshNode = Node<MeshData, 'mesh'>;
export type FlowNode = CardNode | FrameNode | LaneNode | MeshNode;
export type LinkEdge = Edge<LinkData, 'link'>;

export type Elements = { readonly nodes: FlowNode[]; readonly edges: LinkEdge[] };

export type ElementInput = {
  readonly layout: MapLayout;
  readonly nodes: readonly MapNode[];
  readonly groups: readonly MapGroup[];
  readonly links: readonly MapLink[];
  readonly layers: MapLayers;
  readonly selected: string | null;
  /** By node; null while the layer is off or nothing is known. */
  readonly services: ReadonlyMap<string, readonly MapService[]> | null;
  readonly view: GroupView;
};

/** Above this many links nothing is animated: motion would cost more frames than it tells. */
const animatedLinks = 60;
const labelledLinks = 150;

const noServices: readonly MapService[] = [];
const invisible = { border: 'none', background: 'transparent', padding: 0 } as const;
/** What React Flow shall leave alone: it is looked at, not handled. */
const still = { style: invisible, draggable: false, selectable: false, focusable: false } as const;

export function buildElements(input: ElementInput, previous: Elements | null): Elements {
  const old = {
    nodes: new Map(previous?.nodes.map((node) => [node.id, node])),
    edges: new Map(previous?.edges.map((edge) => [edge.id, edge])),
  };
  const lines = input.view === 'small' ? smallLines(input) : noLines;
  const nodes = [
    ...laneNodes(input),
    ...meshNodes(input, lines.between),
    ...frameNodes(input, lines.within),
    ...(input.view === 'open' ? cardNodes(input) : []),
  ].map((node) => reuse(old.nodes.get(node.id), node));
  const edges = (input.view === 'open' ? linkEdges(input) : []).map((edge) => reuse(old.edges.get(edge.id), edge));
  return { nodes, edges };
}

function laneNodes({ layout }: ElementInput): LaneNode[] {
  return layout.lanes.map((lane) => ({
    id: `lane:${lane.band}:${lane.region}`,
    type: 'lane' as const,
    position: { x: lane.x, y: lane.y },
    width: lane.width,
    height: lane.height,
    data: { region: lane.region },
    zIndex: -2,
    ...still,
  }));
}

function meshNodes({ layout }: ElementInput, lines: readonly SmallLine[]): MeshNode[] {
  if (lines.length === 0) return [];
  return [
    {
      id: 'mesh',
      type: 'mesh' as const,
      position: { x: 0, y: 0 },
      width: layout.width,
      height: layout.height,
      data: { lines },
      zIndex: -1,
      ...still,
    },
  ];
}

type SmallLines = {
  readonly within: ReadonlyMap<string, readonly SmallLine[]>;
  readonly between: readonly SmallLine[];
};

const noLines: SmallLines = { within: new Map(), between: [] };

function smallLines({ layout, nodes, links, layers }: ElementInput): SmallLines {
  const groupOf = new Map(nodes.map((node) => [node.id, node.group]));
  const within = new Map<string, SmallLine[]>();
  const paths = pathsOf(layout);
  const between: SmallLine[] = [];
  for (const link of links) {
    if (!layers[link.kind]) continue;
    const from = layout.nodes.get(link.from);
    const to = layout.nodes.get(link.to);
    if (from === undefined || to === undefined) continue;
    const group = groupOf.get(link.from) ?? '';
    const frame = group === groupOf.get(link.to) ? layout.groups.get(group) : undefined;
    if (frame === undefined) {
      between.push(smallLine(link, paths, () => [from, to]));
      continue;
    }
    const line = smallLine(link, paths, () => [inside(from, frame), inside(to, frame)]);
    const others = within.get(group);
    if (others) others.push(line);
    else within.set(group, [line]);
  }
  return { within, between };
}

const pathsOfLayout = new WeakMap<MapLayout, Map<string, string>>();

function pathsOf(layout: MapLayout): Map<string, string> {
  const paths = pathsOfLayout.get(layout) ?? new Map<string, string>();
  pathsOfLayout.set(layout, paths);
  return paths;
}

function smallLine(link: MapLink, paths: Map<string, string>, places: () => readonly [Rect, Rect]): SmallLine {
  const id = idOf(link);
  const path = paths.get(id) ?? linkPath(link, ...places());
  paths.set(id, path);
  return {
    id,
    kind: link.kind,
    band: lagBand(link),
    // Half pixels: a rate that trembles is no new drawing.
    width: Math.round(thickness(link.bytesPerSecond) * 2) / 2,
    path,
  };
}

function linkPath(link: MapLink, from: Rect, to: Rect): string {
  return linkLine(from, to, bendOf(link.kind, from, to)).path;
}

function inside(place: Rect, frame: Rect): Rect {
  return { ...place, x: place.x - frame.x, y: place.y - frame.y };
}

function frameNodes(
  { layout, groups, nodes, selected, view }: ElementInput,
  lines: ReadonlyMap<string, readonly SmallLine[]>,
): FrameNode[] {
  const sorted = new Map<string, MapNode[]>();
  for (const node of nodes) {
    const members = sorted.get(node.group);
    if (members) members.push(node);
    else sorted.set(node.group, [node]);
  }
  return groups.flatMap((group) => {
    const rect = layout.groups.get(group.name);
    if (rect === undefined) return [];
    const members = (sorted.get(group.name) ?? []).flatMap((node) => {
      const place = layout.nodes.get(node.id);
      if (place === undefined) return [];
      return [
        {
          id: node.id,
          status: node.status,
          primary: node.role === 'primary',
          selected: selected === node.id,
          place: inside(place, rect),
        },
      ];
    });
    return [
      {
        id: `group:${group.name}`,
        type: 'frame' as const,
        position: { x: rect.x, y: rect.y },
        width: rect.width,
        height: rect.height,
        data: { group, members, lines: lines.get(group.name) ?? [], view },
        zIndex: -1,
        ...still,
      },
    ];
  });
}

function cardNodes({ layout, nodes, selected, services }: ElementInput): CardNode[] {
  return nodes.flatMap((node) => {
    const rect = layout.nodes.get(node.id);
    if (rect === undefined) return [];
    return [
      {
        id: node.id,
        type: 'card' as const,
        position: { x: rect.x, y: rect.y },
        width: rect.width,
        height: rect.height,
        handles: [
          {
            type: 'source' as const,
            position: 'bottom' as never,
            x: rect.width / 2,
            y: rect.height / 2,
            width: 1,
            height: 1,
          },
          {
            type: 'target' as const,
            position: 'top' as never,
            x: rect.width / 2,
            y: rect.height / 2,
            width: 1,
            height: 1,
          },
        ],
        data: {
          node,
          selected: selected === node.id,
          services: services === null ? null : (services.get(node.id) ?? noServices),
        },
        style: invisible,
        draggable: node.role === 'standby',
        selectable: false,
        focusable: false,
      },
    ];
  });
}

function linkEdges({ layout, links, layers }: ElementInput): LinkEdge[] {
  const shown = links.filter((link) => layers[link.kind] && layout.nodes.has(link.from) && layout.nodes.has(link.to));
  const animate = shown.length <= animatedLinks;
  const byId = new Map(shown.map((link) => [idOf(link), link]));
  const lines = linesOf(layout);
  const places = shown.length <= labelledLinks ? labelPlaces(layout, byId, lines) : noPlaces;
  return shown.map((link) => {
    const id = idOf(link);
    const label = places.get(id) ?? null;
    return {
      id,
      type: 'link' as const,
      source: link.from,
      target: link.to,
      data: { link, line: lines(link), animate, label, back: label === null ? null : (byId.get(backOf(link)) ?? null) },
      selectable: false,
      focusable: false,
      zIndex: 0,
    };
  });
}

type LineOf = (link: MapLink) => Line;

/** A layout stays as long as the membership does: where a line runs is worked out once. */
function linesOf(layout: MapLayout): LineOf {
  const known = linesOfLayout.get(layout) ?? new Map<string, Line>();
  linesOfLayout.set(layout, known);
  return (link) => {
    const id = idOf(link);
    const from = layout.nodes.get(link.from)!;
    const to = layout.nodes.get(link.to)!;
    const line = known.get(id) ?? linkLine(from, to, bendOf(link.kind, from, to));
    known.set(id, line);
    return line;
  };
}

const linesOfLayout = new WeakMap<MapLayout, Map<string, Line>>();
const noPlaces: ReadonlyMap<string, LabelPlace> = new Map();
type KeptPlaces = { readonly links: string; readonly places: ReadonlyMap<string, LabelPlace> };
const placesOfLayout = new WeakMap<MapLayout, KeptPlaces>();

/** Depends on which links there are, not on their numbers: a tick finds the places that it found before. */
function labelPlaces(
  layout: MapLayout,
  byId: ReadonlyMap<string, MapLink>,
  lines: LineOf,
): ReadonlyMap<string, LabelPlace> {
  const ids = [...byId.keys()].sort();
  const links = ids.join(' ');
  const kept = placesOfLayout.get(layout);
  if (kept?.links === links) return kept.places;
  const labels = ids.flatMap((id): Labelled[] => {
    const link = byId.get(id)!;
    const back = link.kind === 'interconnect' ? byId.get(backOf(link)) : undefined;
    // One label for a pair: the direction that comes first carries it.
    if (back !== undefined && idOf(back) < id) return [];
    return [{ id, lines: [link, ...(back === undefined ? [] : [back])].map(lines), size: labelSize[link.kind] }];
  });
  // What matters most and moves least chooses first; then whoever has the least room.
  labels.sort((a, b) => b.size.height - a.size.height || lengthOf(a) - lengthOf(b) || (a.id < b.id ? -1 : 1));
  const heads = [...layout.groups.values()].map((frame) => ({ ...frame, height: frameHead }));
  const places = placeLabels(labels, [...layout.nodes.values(), ...heads]);
  placesOfLayout.set(layout, { links, places });
  return places;
}

function lengthOf({ lines: [line] }: Labelled): number {
  return line === undefined ? 0 : Math.round(Math.hypot(line.end.x - line.start.x, line.end.y - line.start.y));
}

function backOf(link: MapLink): string {
  return `${link.kind}:${link.to}:${link.from}`;
}

function idOf(link: MapLink): string {
  return `${link.kind}:${link.from}:${link.to}`;
}

function reuse<T>(previous: T | undefined, next: T): T {
  return previous !== undefined && same(previous, next) ? previous : next;
}

/** Structural equality of plain data. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keysA = Object.keys(a);
  if (keysA.length !== Object.keys(b).length) return false;
  return keysA.every((key) => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
