'use client';
/** A group's frame; from far away the group is this one summary. */
import type { NodeProps } from '@xyflow/react';
import { Crown } from 'lucide-react';
import { memo } from 'react';
import { cn } from '../ui/cn';
import { sentence } from '../ui/format';
import { lookOf, toneText } from '../ui/status';
import type { FrameNode, LaneNode } from './flow-elements';

function GroupFrameView({ data }: NodeProps<FrameNode>) {
  const { group, members, collapsed } = data;
  const state = !group.writable ? 'unhealthy' : group.degraded ? 'degraded' : 'healthy';
  const look = lookOf(state);
  return (
    <div
      className={cn(
        'pointer-events-none size-full rounded-lg border bg-panel/40',
        state === 'healthy' ? 'border-line-strong/50' : state === 'degraded' ? 'border-warn' : 'border-bad',
      )}
    >
      {collapsed ? (
        <div className="grid size-full content-center justify-items-center gap-2 p-3 text-center">
          <span className="font-semibold text-[3rem] leading-none">{group.name}</span>
          <span className={cn('flex items-center gap-2 text-[1.9rem]', toneText[look.tone])}>
            <look.icon className="size-7" aria-hidden />
            {group.writable ? (group.degraded ? 'degraded' : 'healthy') : 'no primary'}
          </span>
          <span className="flex items-center gap-1.5 text-[1.6rem] text-muted">
            <Crown className="size-6" aria-hidden />
            {group.primary ?? 'none'}
          </span>
          <span className="flex flex-wrap justify-center gap-2">
            {members.map((member) => {
              const dot = lookOf(member.status);
              return (
                <dot.icon
                  key={member.id}
                  className={cn('size-8', toneText[dot.tone])}
                  aria-label={`${member.id} ${member.status}`}
                />
              );
            })}
          </span>
        </div>
      ) : (
        <div className="flex items-baseline gap-2 px-3 pt-2">
          <span className="font-semibold text-[1.1rem]">{group.name}</span>
          <span className="truncate text-muted">{sentence(group.mode)}</span>
          <span className={cn('ml-auto inline-flex items-center gap-1 whitespace-nowrap', toneText[look.tone])}>
            <look.icon className="size-3.5" aria-hidden />
            {group.writable ? (group.degraded ? 'degraded' : 'writable') : 'no writes'}
          </span>
        </div>
      )}
    </div>
  );
}

export const GroupFrame = memo(GroupFrameView, (a, b) => a.data === b.data);

function LaneView({ data }: NodeProps<LaneNode>) {
  return (
    <div className="pointer-events-none size-full rounded-md bg-raised/70">
      <span className="block px-2.5 py-1.5 font-medium text-muted">{data.region}</span>
    </div>
  );
}

export const Lane = memo(LaneView, (a, b) => a.data === b.data);
