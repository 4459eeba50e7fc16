'use client';
/** A group's frame; from far away the group is this one summary. */
import type { NodeProps } from '@xyflow/react';
import { Crown } from 'lucide-react';
import { memo } from 'react';
import { cn } from '../ui/cn';
import { stateWord } from '../ui/state-words';
import { lookOf, toneText } from '../ui/status';
import type { FrameNode, LaneNode } from './flow-elements';
import { SmallGroup } from './small-group';

const border = {
  ok: 'border-line-strong/50',
  warn: 'border-warn',
  bad: 'border-bad',
  idle: 'border-line-strong/50',
  busy: 'border-busy',
} as const;
const tint = { ok: '', warn: 'bg-warn-soft', bad: 'bg-bad-soft', idle: '', busy: '' } as const;

function GroupFrameView({ data }: NodeProps<FrameNode>) {
  const { group, members, lines, view } = data;
  const state = group.planned ? 'running' : !group.writable ? 'unhealthy' : group.degraded ? 'degraded' : 'healthy';
  const look = lookOf(state);
  const word = group.planned ? 'changing' : !group.writable ? 'no writes' : group.degraded ? 'degraded' : 'writable';
  return (
    <div className={cn('pointer-events-none relative size-full rounded-lg border bg-panel/40', border[look.tone])}>
      {view === 'summary' ? (
        <div
          className={cn(
            'grid size-full content-center justify-items-center gap-3 overflow-hidden rounded-lg p-6 text-center',
            state !== 'healthy' && tint[look.tone],
          )}
        >
          <span className={cn('flex max-w-full items-center gap-6', toneText[look.tone])}>
            <look.icon className="size-28 shrink-0" aria-label={word} />
            <span className="truncate font-semibold text-[8.5rem] text-fg leading-none">{group.name}</span>
          </span>
          <span className="flex items-center gap-3 text-[3.4rem] text-muted leading-none">
            <Crown className="size-12" aria-hidden />
            {group.primary ?? 'no primary'}
          </span>
          <span className="flex flex-wrap justify-center gap-3">
            {members.map((member) => {
              const dot = lookOf(member.status);
              return (
                <dot.icon
                  key={member.id}
                  className={cn('size-12', toneText[dot.tone])}
                  aria-label={`${member.id} ${member.status}`}
                />
              );
            })}
          </span>
        </div>
      ) : view === 'small' ? (
        <SmallGroup name={group.name} members={members} lines={lines} />
      ) : (
        <div className="px-3 pt-1.5 leading-snug">
          <span className="flex items-baseline gap-2">
            <span className="min-w-0 truncate font-semibold text-[1.1rem]">{group.name}</span>
            <span className={cn('ml-auto inline-flex items-center gap-1 whitespace-nowrap', toneText[look.tone])}>
              <look.icon className="size-3.5" aria-hidden />
              {word}
            </span>
          </span>
          <span className="block text-muted">{stateWord(group.mode)}</span>
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
