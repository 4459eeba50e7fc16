'use client';
/**
 * A group from half way: its nodes as boxes with state and id in letters that can be read there, and its links as plain lines. One element of the
 * map, drawn by the browser at one go. Nothing in here moves or clips: each of these would be a layer of its own.
 */
import type { NodeProps } from '@xyflow/react';
import { Crown } from 'lucide-react';
import { memo } from 'react';
import { cn } from '../ui/cn';
import { lookOf, toneText } from '../ui/status';
import type { FrameData, MeshNode, SmallLine } from './flow-elements';
import { linkDash, linkStroke } from './link-style';
import { useSelectNode } from './selection';

/** Lines are drawn for a zoom of about a quarter. */
const scale = 4;
const letters = { largest: 40, widthOfOne: 0.62 } as const;

/** As large as the box allows beside its icons, in the map's pixels. */
function letterSize(name: string, width: number): number {
  return Math.min(letters.largest, (width - 90) / (Math.max(1, name.length) * letters.widthOfOne));
}

type Props = {
  readonly name: string;
  readonly members: FrameData['members'];
  readonly lines: readonly SmallLine[];
};

export function SmallGroup({ name, members, lines }: Props) {
  const select = useSelectNode();
  return (
    <>
      <Lines lines={lines} />
      <span className="block px-3 pt-0.5 font-semibold text-[2.9rem] leading-none">{name}</span>
      {members.map((member) => {
        const look = lookOf(member.status);
        const name = member.id.replace(/^node-/, '');
        return (
          <button
            key={member.id}
            type="button"
            data-node={member.id}
            aria-pressed={member.selected}
            aria-label={`${member.id}, ${member.primary ? 'primary' : 'standby'}, ${member.status}`}
            onClick={() => select(member.id)}
            style={{
              left: member.place.x,
              top: member.place.y,
              width: member.place.width,
              height: member.place.height,
              fontSize: letterSize(name, member.place.width),
            }}
            className={cn(
              'pointer-events-auto absolute flex items-center justify-center gap-2 rounded-md border bg-panel leading-none',
              member.primary ? 'border-4 border-fg/60' : 'border-line-strong/60',
              look.tone === 'bad' && 'border-bad bg-bad-soft',
              look.tone === 'warn' && 'border-warn bg-warn-soft',
              member.selected && 'outline outline-4 outline-accent outline-offset-4',
            )}
          >
            <look.icon className={cn('size-9 shrink-0', toneText[look.tone])} aria-hidden />
            {name}
            {member.primary ? <Crown className="size-8 shrink-0" aria-hidden /> : null}
          </button>
        );
      })}
    </>
  );
}

const Lines = memo(({ lines }: { readonly lines: readonly SmallLine[] }) =>
  lines.length === 0 ? null : (
    <svg className="absolute inset-0 size-full overflow-visible" aria-hidden="true">
      {lines.map((line) => (
        <path
          key={line.id}
          d={line.path}
          fill="none"
          stroke={linkStroke[line.band]}
          strokeWidth={line.width * scale}
          strokeDasharray={linkDash(line.kind, line.band, scale)}
        />
      ))}
    </svg>
  ),
);

function MeshView({ data }: NodeProps<MeshNode>) {
  return (
    <div className="pointer-events-none relative size-full">
      <Lines lines={data.lines} />
    </div>
  );
}

export const Mesh = memo(MeshView, (a, b) => a.data === b.data);
