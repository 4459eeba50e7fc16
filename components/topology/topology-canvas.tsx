'use client';
/**
 * The map. Positions come from the pure layout and change only when membership changes; data ticks replace single cards. From far away (or with
 * many nodes) a group is one summary; zooming opens it in place, so the map never jumps.
 */
import '@xyflow/react/dist/style.css';
import { Controls, ReactFlow, ReactFlowProvider, useOnViewportChange, type Viewport } from '@xyflow/react';
import { useTheme } from 'next-themes';
import { useCallback, useMemo, useRef, useState } from 'react';
import { cn } from '../ui/cn';
import { useDragToPromote, useWithDrag } from './drag-to-promote';
import { buildElements, type Elements, type FlowNode, type GroupView } from './flow-elements';
import { GroupFrame, Lane } from './group-frame';
import { layoutMap } from './layout';
import { LinkEdge } from './link-edge';
import type { MapGroup, MapLayers, MapLink, MapNode, MapService } from './model';
import { NodeCard } from './node-card';
import { OverviewMap } from './overview-map';
import type { DropVerdict } from './promotion';
import { SelectNodeContext } from './selection';
import { Mesh } from './small-group';

const nodeTypes = { card: NodeCard, frame: GroupFrame, lane: Lane, mesh: Mesh };
const edgeTypes = { link: LinkEdge };
/** Below this zoom a card's text can't be read. */
const detailZoom = 0.55;
const openZoom = 0.18;
const collapseFrom = 60;

type ZoomLevel = 'far' | 'middle' | 'near';

export type TopologyProps = {
  readonly nodes: readonly MapNode[];
  readonly groups: readonly MapGroup[];
  readonly links: readonly MapLink[];
  readonly layers: MapLayers;
  readonly selected: string | null;
  readonly services: ReadonlyMap<string, readonly MapService[]> | null;
  readonly expandAll: boolean;
  /** Why the node may not be promoted, when the preflight already answered; asked for as soon as a drag begins. */
  readonly refusal: string | null;
  readonly onSelect: (id: string | null) => void;
  readonly onDragStart: (id: string) => void;
  readonly onPromote: (group: string, target: string) => void;
  readonly className?: string;
};

export function TopologyCanvas(props: TopologyProps) {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

function Canvas(props: TopologyProps) {
  const { nodes, groups, links, layers, selected, services, expandAll, onSelect, onPromote } = props;
  const { resolvedTheme } = useTheme();
  const membership = nodes.map((node) => `${node.id}/${node.group}/${node.region}`).join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: positions depend on membership only, so a data tick must not lay out again
  const layout = useMemo(() => layoutMap(nodes), [membership]);
  const zoom = useZoomLevel();
  const view = viewAt(zoom, nodes.length, expandAll);
  const previous = useRef<Elements | null>(null);
  const elements = useMemo(() => {
    const built = buildElements({ layout, nodes, groups, links, layers, selected, services, view }, previous.current);
    previous.current = built;
    return built;
  }, [layout, nodes, groups, links, layers, selected, services, view]);
  const drag = useDragToPromote({
    nodes,
    places: layout.nodes,
    refusal: props.refusal,
    onDragStart: props.onDragStart,
    onPromote,
  });
  const shown = useWithDrag(elements.nodes, drag.drag);
  const [moving, setMoving] = useState(false);

  return (
    <SelectNodeContext.Provider value={onSelect}>
      <div
        className={cn(
          'relative h-full min-h-80',
          zoom !== 'near' && 'map-far',
          moving && 'map-moving',
          props.className,
        )}
        data-testid="topology"
      >
        <ReactFlow<FlowNode>
          nodes={shown}
          edges={elements.edges}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes as never}
          colorMode={resolvedTheme === 'dark' ? 'dark' : 'light'}
          fitView
          fitViewOptions={{ padding: 0.06, maxZoom: 1.15 }}
          minZoom={0.04}
          maxZoom={2}
          onlyRenderVisibleElements
          nodesConnectable={false}
          elementsSelectable={false}
          nodeDragThreshold={4}
          onNodeDragStart={drag.onStart}
          onNodeDrag={drag.onDrag}
          onNodeDragStop={drag.onStop}
          onPaneClick={() => onSelect(null)}
          onMoveStart={() => setMoving(true)}
          onMoveEnd={() => setMoving(false)}
          deleteKeyCode={null}
          aria-label="Topology map"
        >
          <Controls showInteractive={false} position="bottom-right" />
          {nodes.length > 20 ? <OverviewMap layout={layout} groups={groups} /> : null}
        </ReactFlow>
        <DropBanner verdict={drag.verdict} dragging={drag.drag?.id ?? null} />
      </div>
    </SelectNodeContext.Provider>
  );
}

/** Cards as soon as their text can be read; a map that fits on a screen always has its cards. */
function viewAt(zoom: ZoomLevel, nodes: number, expandAll: boolean): GroupView {
  if (zoom === 'near' || nodes <= collapseFrom) return 'open';
  return zoom === 'middle' || expandAll ? 'small' : 'summary';
}

/** Three levels, so that zooming re-renders twice at most. */
function useZoomLevel(): ZoomLevel {
  const [level, setLevel] = useState<ZoomLevel>('near');
  const onChange = useCallback(
    ({ zoom }: Viewport) => setLevel(zoom < openZoom ? 'far' : zoom < detailZoom ? 'middle' : 'near'),
    [],
  );
  useOnViewportChange({ onChange });
  return level;
}

function DropBanner({ verdict, dragging }: { readonly verdict: DropVerdict; readonly dragging: string | null }) {
  if (dragging === null) return null;
  const text =
    verdict.kind === 'allowed'
      ? `Drop to plan a switchover of ${verdict.group} to ${verdict.target}.`
      : verdict.kind === 'refused'
        ? `Not possible: ${verdict.reason}`
        : `Drag ${dragging} onto its group's primary to plan a switchover.`;
  return (
    <p
      role="status"
      className={cn(
        'pointer-events-none absolute top-2 left-1/2 z-10 w-max max-w-[90%] -translate-x-1/2 rounded-md border bg-panel px-3 py-1.5 shadow-lg',
        verdict.kind === 'allowed' && 'border-ok text-ok',
        verdict.kind === 'refused' && 'border-bad text-bad',
        verdict.kind === 'none' && 'border-line',
      )}
    >
      {text}
    </p>
  );
}
