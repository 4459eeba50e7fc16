/**
 * Turns layout + data into React Flow's elements. Reuses the previous object of every element that did not change, so that a data tick re-renders
 * only the cards it concerns and never moves anything.
 */
import type { Edge, Node } from '@xyflow/react';
import type { MapLayout } from './layout';
import { type Line, linkLine } from './link-style';
import type { MapGroup, MapLayers, MapLink, MapNode, Rect } from './model';

export type CardData = { readonly node: MapNode; readonly selected: boolean };
/**
 * `open`: real cards and links. `summary`: the group as one box. `small`: its nodes as plain boxes inside the frame's own element, because a thousand
 * separately transformed elements cost the browser more than a frame to layer.
 */
export type GroupView = 'open' | 'small' | 'summary';

export type FrameData = {
  readonly group: MapGroup;
  readonly members: readonly {
    readonly id: string;
    readonly status: string;
    readonly primary: boolean;
    /** Where its card stands inside the frame. */
    readonly place: Rect;
  }[];
  readonly view: GroupView;
};
export type LaneData = { readonly region: string };
export type LinkData = {
  readonly link: MapLink;
  readonly line: Line;
  readonly animate: boolean;
  readonly label: boolean;
};

export type CardNode = Node<CardData, 'card'>;
export type FrameNode = Node<FrameData, 'frame'>;
export type LaneNode = Node<LaneData, 'lane'>;
export type FlowNode = CardNode | FrameNode | LaneNode;
export type LinkEdge = Edge<LinkData, 'link'>;

export type Elements = { readonly nodes: FlowNode[]; readonly edges: LinkEdge[] };

export type ElementInput = {
  readonly layout: MapLayout;
  readonly nodes: readonly MapNode[];
  readonly groups: readonly MapGroup[];
  readonly links: readonly MapLink[];
  readonly layers: MapLayers;
  readonly selected: string | null;
  readonly view: GroupView;
};

/** Above this many links nothing is animated: motion would cost more frames than it tells. */
const animatedLinks = 60;
const labelledLinks = 150;

const invisible = { border: 'none', background: 'transparent', padding: 0 } as const;

export function buildElements(input: ElementInput, previous: Elements | null): Elements {
  const old = {
    nodes: new Map(previous?.nodes.map((node) => [node.id, node])),
    edges: new Map(previous?.edges.map((edge) => [edge.id, edge])),
  };
  const nodes = [...laneNodes(input), ...frameNodes(input), ...(input.view === 'open' ? cardNodes(input) : [])].map(
    (node) => reuse(old.nodes.get(node.id), node),
  );
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
    style: invisible,
    zIndex: -2,
    selectable: false,
    draggable: false,
    focusable: false,
  }));
}

function frameNodes({ layout, groups, nodes, view }: ElementInput): FrameNode[] {
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
      const inside = { ...place, x: place.x - rect.x, y: place.y - rect.y };
      return [{ id: node.id, status: node.status, primary: node.role === 'primary', place: inside }];
    });
    return [
      {
        id: `group:${group.name}`,
        type: 'frame' as const,
        position: { x: rect.x, y: rect.y },
        width: rect.width,
        height: rect.height,
        data: { group, members, view },
        style: invisible,
        zIndex: -1,
        draggable: false,
        selectable: false,
        focusable: false,
      },
    ];
  });
}

function cardNodes({ layout, nodes, selected }: ElementInput): CardNode[] {
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
        data: { node, selected: selected === node.id },
        style: invisible,
        draggable: node.role === 'standby',
        selectable: false,
        focusable: false,
      },
    ];
  });
}

function linkEdges({ layout, links, layers }: ElementInput): LinkEdge[] {
  const shown = links.filter((link) => layers[layerOf(link)]);
  const animate = shown.length <= animatedLinks;
  const label = shown.length <= labelledLinks;
  return shown.flatMap((link) => {
    const from = layout.nodes.get(link.from);
    const to = layout.nodes.get(link.to);
    if (from === undefined || to === undefined) return [];
    const bend = link.kind === 'interconnect' ? 26 : 0;
    return [
      {
        id: `${link.kind}:${link.from}:${link.to}`,
        type: 'link' as const,
        source: link.from,
        target: link.to,
        data: { link, line: linkLine(from, to, bend), animate, label },
        selectable: false,
        focusable: false,
        zIndex: 0,
      },
    ];
  });
}

function layerOf(link: MapLink): keyof MapLayers {
  return link.kind === 'service' ? 'services' : link.kind;
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
