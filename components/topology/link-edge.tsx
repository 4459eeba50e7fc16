'use client';
/** One link: thickness = throughput, moving dashes = flow, colour and dash pattern = lag band, label = mode and lag. */
import { EdgeLabelRenderer, type EdgeProps } from '@xyflow/react';
import { memo } from 'react';
import { cn } from '../ui/cn';
import type { LinkEdge as Edge } from './flow-elements';
import {
  flowSeconds,
  type LagBand,
  labelSize,
  lagBand,
  linkDash,
  linkStroke,
  replicationLabel,
  roundTripLabel,
  thickness,
} from './link-style';
import type { MapLink } from './model';

const text = { ok: 'text-ok', warn: 'text-warn', bad: 'text-bad', idle: 'text-muted' } as const;

function LinkEdgeView({ data, id }: EdgeProps<Edge>) {
  if (data === undefined) return null;
  const { link, line, animate, label, back } = data;
  const band = lagBand(link);
  const width = thickness(link.bytesPerSecond);
  const seconds = animate && band !== 'bad' ? flowSeconds(link.bytesPerSecond) : null;
  return (
    <>
      <path
        id={id}
        d={line.path}
        fill="none"
        stroke={linkStroke[band]}
        strokeWidth={width}
        strokeDasharray={linkDash(link.kind, band)}
        opacity={0.8}
      />
      {seconds !== null && link.kind === 'replication' ? (
        <path
          d={line.path}
          fill="none"
          stroke="var(--panel)"
          strokeWidth={Math.max(1, width - 1)}
          strokeDasharray="4 8"
          className="flowing"
          style={{ '--flow-duration': `${seconds}s` } as React.CSSProperties}
        />
      ) : null}
      {label === null ? null : (
        <EdgeLabelRenderer>
          <Label link={link} back={back} x={label.x} y={label.y} />
        </EdgeLabelRenderer>
      )}
    </>
  );
}

type LabelProps = { readonly link: MapLink; readonly back: MapLink | null; readonly x: number; readonly y: number };

/** As large as its place was made for, at most: a longer text is cut rather than laid over another one. */
function Label({ link, back, x, y }: LabelProps) {
  const { width, height } = labelSize[link.kind];
  const lines = link.kind === 'replication' ? replicationLabel(link) : [roundTripLabel(link, back)];
  const band = back === null ? lagBand(link) : worse(lagBand(link), lagBand(back));
  return (
    <span
      data-label={`${link.from} ${link.to}`}
      className={cn(
        'map-detail num pointer-events-none absolute rounded-sm border border-line bg-panel px-1 text-center text-[0.82rem] leading-[1.08rem]',
        text[band],
      )}
      style={{
        maxWidth: width,
        maxHeight: height,
        transform: `translate(-50%, -50%) translate(${x}px, ${y}px)`,
      }}
    >
      {lines.map((line) => (
        <span key={line} className="block truncate">
          {line}
        </span>
      ))}
    </span>
  );
}

const badness = { ok: 0, idle: 1, warn: 2, bad: 3 } as const;

function worse(a: LagBand, b: LagBand): LagBand {
  return badness[a] >= badness[b] ? a : b;
}

export const LinkEdge = memo(LinkEdgeView, (a, b) => a.data === b.data);
