'use client';
/** Dragging a standby onto its primary's place. The card follows the pointer and always returns: the map itself never changes by hand. */
import type { OnNodeDrag } from '@xyflow/react';
import { useCallback, useMemo, useState } from 'react';
import type { FlowNode } from './flow-elements';
import { card } from './layout';
import type { MapNode, Rect } from './model';
import { type DropVerdict, dropVerdict, nodeUnder } from './promotion';

type Options = {
  readonly nodes: readonly MapNode[];
  readonly places: ReadonlyMap<string, Rect>;
  readonly refusal: string | null;
  readonly onDragStart: (id: string) => void;
  readonly onPromote: (group: string, target: string) => void;
};

type Drag = { readonly id: string; readonly x: number; readonly y: number; readonly over: string | null };

export function useDragToPromote({ nodes, places, refusal, onDragStart, onPromote }: Options) {
  const [drag, setDrag] = useState<Drag | null>(null);
  const byId = (id: string | null) => nodes.find((node) => node.id === id) ?? null;
  const dragged = byId(drag?.id ?? null);
  const verdict: DropVerdict =
    dragged === null ? { kind: 'none' } : dropVerdict(dragged, byId(drag?.over ?? null), refusal);

  const onDrag: OnNodeDrag<FlowNode> = useCallback(
    (_event, node) => setDrag({ id: node.id, ...node.position, over: nodeUnder(node.position, card, places, node.id) }),
    [places],
  );
  const onStart: OnNodeDrag<FlowNode> = useCallback(
    (event, node, all) => {
      onDragStart(node.id);
      onDrag(event, node, all);
    },
    [onDragStart, onDrag],
  );
  const onStop = () => {
    if (verdict.kind === 'allowed') onPromote(verdict.group, verdict.target);
    setDrag(null);
  };
  return { drag, verdict, onStart, onDrag, onStop };
}

/** The same elements but for the dragged one. */
export function useWithDrag(nodes: FlowNode[], drag: Drag | null): FlowNode[] {
  return useMemo(
    () =>
      drag === null
        ? nodes
        : nodes.map((node) =>
            node.id === drag.id ? { ...node, position: { x: drag.x, y: drag.y }, zIndex: 10 } : node,
          ),
    [nodes, drag],
  );
}
