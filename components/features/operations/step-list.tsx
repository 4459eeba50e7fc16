'use client';
/** The steps of a plan or a running operation, as they are now. No invented progress: a step is pending, running or over. */
import { CircleCheck, CircleDashed, CircleX, Flag, LoaderCircle, SkipForward, Undo2 } from 'lucide-react';
import type { OperationStep } from '../../providers/wire';
import { useFastNow } from '../../ui/clock';
import { cn } from '../../ui/cn';
import { formatDuration } from '../../ui/format';
import { rawState, stateWord } from '../../ui/state-words';
import { stepMs } from './ticket-text';

const looks = {
  pending: { icon: CircleDashed, className: 'text-muted' },
  running: { icon: LoaderCircle, className: 'text-busy animate-spin' },
  succeeded: { icon: CircleCheck, className: 'text-ok' },
  failed: { icon: CircleX, className: 'text-bad' },
  skipped: { icon: SkipForward, className: 'text-muted' },
  cancelled: { icon: CircleX, className: 'text-muted' },
  compensated: { icon: Undo2, className: 'text-warn' },
} as const;

export function StepList({
  steps,
  planned = false,
}: {
  readonly steps: readonly OperationStep[];
  readonly planned?: boolean;
}) {
  return (
    <ol aria-label={planned ? 'Planned steps' : 'Steps'} className="grid gap-px">
      {steps.map((step, index) => (
        <StepRow key={step.name} step={step} index={index} planned={planned} />
      ))}
    </ol>
  );
}

function StepRow({
  step,
  index,
  planned,
}: {
  readonly step: OperationStep;
  readonly index: number;
  readonly planned: boolean;
}) {
  const look = looks[step.state];
  return (
    <li
      data-step={step.name}
      data-state={step.state}
      className={cn(
        'grid grid-cols-[1.4rem_1fr_auto] items-start gap-x-2 rounded-sm px-1 py-1',
        step.state === 'running' && 'bg-busy-soft',
      )}
    >
      {planned ? (
        <span className="num text-muted">{index + 1}</span>
      ) : (
        <span title={rawState(step.state)}>
          <look.icon className={cn('mt-0.5 size-4', look.className)} aria-hidden />
        </span>
      )}
      <div className="min-w-0">
        <span className={step.state === 'skipped' ? 'text-muted' : 'font-medium'}>{step.title}</span>
        <span className="sr-only"> {stateWord(step.state)}</span>
        {step.point_of_no_return ? (
          <span className="ml-2 inline-flex items-center gap-1 text-[0.92rem] text-warn">
            <Flag className="size-3" aria-hidden />
            point of no return
          </span>
        ) : null}
        {step.attempt > 1 ? <span className="ml-2 text-muted">attempt {step.attempt}</span> : null}
        {step.detail ? <p className="text-muted">{step.detail}</p> : null}
        {planned && step.compensation ? <p className="text-muted">If it fails: {step.compensation}</p> : null}
      </div>
      <span className="num whitespace-nowrap text-right text-muted">
        {planned ? <>≤ {formatDuration(step.deadline_ms)}</> : <Elapsed step={step} />}
      </span>
    </li>
  );
}

function Elapsed({ step }: { readonly step: OperationStep }) {
  if (step.started_at === null) return null;
  if (step.finished_at !== null) return <>{formatDuration(stepMs(step.started_at, step.finished_at))}</>;
  return step.state === 'running' ? <RunningElapsed startedAt={step.started_at} /> : null;
}

function RunningElapsed({ startedAt }: { readonly startedAt: string }) {
  const now = useFastNow();
  return <span className="text-busy">{formatDuration(stepMs(startedAt, null, now))}</span>;
}
