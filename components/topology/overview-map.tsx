'use client';
/**
 * The small map: one box per group, tinted when it is not well, and where the view is. Drawn from the layout alone: React Flow's own map keeps every
 * node of a thousand subscribed to every frame of a drag. Press or drag to move the view, wheel to zoom.
 */
import { Panel, useReactFlow, useStore } from '@xyflow/react';
import { memo, type PointerEvent } from 'react';
import type { MapLayout } from './layout';
import type { MapGroup } from './model';

type Props = { readonly layout: MapLayout; readonly groups: readonly MapGroup[] };

const size = { width: 200, height: 150 } as const;

export function OverviewMap({ layout, groups }: Props) {
  const flow = useReactFlow();
  const box = `0 0 ${layout.width} ${layout.height}`;
  const moveTo = (event: PointerEvent<SVGSVGElement>) => {
    if (event.buttons === 0) return;
    const matrix = event.currentTarget.getScreenCTM()?.inverse();
    if (!matrix) return;
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    void flow.setCenter(x, y, { zoom: flow.getZoom() });
  };
  return (
    <Panel position="bottom-left" className="rounded-sm border border-line bg-panel">
      <svg
        role="img"
        aria-label="Overview map"
        viewBox={box}
        {...size}
        className="block cursor-pointer touch-none"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          moveTo(event);
        }}
        onPointerMove={moveTo}
        onWheel={(event) => void flow.zoomTo(flow.getZoom() * (event.deltaY < 0 ? 1.2 : 1 / 1.2))}
      >
        <Groups layout={layout} groups={groups} />
        <View unit={layout.width / size.width} />
      </svg>
    </Panel>
  );
}

const Groups = memo(({ layout, groups }: Props) =>
  groups.map((group) => {
    const place = layout.groups.get(group.name);
    if (place === undefined) return null;
    const down = group.planned ? 'var(--busy)' : 'var(--bad)';
    const fill = group.writable ? (group.degraded ? 'var(--warn)' : 'var(--raised)') : down;
    const unit = layout.width / size.width;
    return <rect key={group.name} {...place} fill={fill} stroke="var(--line-strong)" strokeWidth={unit} />;
  }),
);

/** What the large map shows; the only part that follows every frame. */
function View({ unit }: { readonly unit: number }) {
  const [x, y, zoom] = useStore((state) => state.transform);
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  return (
    <rect
      x={-x / zoom}
      y={-y / zoom}
      width={width / zoom}
      height={height / zoom}
      fill="none"
      stroke="var(--accent)"
      strokeWidth={2 * unit}
    />
  );
}
