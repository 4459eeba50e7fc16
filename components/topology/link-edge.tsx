'use client';
/** One link: thickness = throughput, moving dashes = flow, colour and dash pattern = lag band, label = mode and lag. */
import { EdgeLabelRenderer, type EdgeProps } from '@xyflow/react';
import { memo } from 'react';
import { cn } from '../ui/cn';
import type { LinkEdge as Edge } from './flow-elements';
import { flowSeconds, lagBand, linkDash, linkDescription, linkLabel, linkStroke, thickness } from './link-style';

const text = { ok: 'text-ok', warn: 'text-warn', bad: 'text-bad', idle: 'text-muted' } as const;

function LinkEdgeView({ data, id }: EdgeProps<Edge>) {
  if (data === undefined) return null;
  const { link, line, animate, label } = data;
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
      {label ? (
        <EdgeLabelRenderer>
          <span
            title={linkDescription(link)}
            className={cn(
              'map-detail num pointer-events-none absolute rounded-sm border border-line bg-panel px-1 text-[0.82rem]',
              text[band],
            )}
            style={{ transform: `translate(-50%, -50%) translate(${line.labelX}px, ${line.labelY}px)` }}
          >
            {linkLabel(link)}
          </span>
        </EdgeLabelRenderer>
      ) : null}
    </>
  );
}

export const LinkEdge = memo(LinkEdgeView, (a, b) => a.data === b.data);
