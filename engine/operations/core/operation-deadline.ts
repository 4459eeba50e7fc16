/**
 * The deadline that a caller gives a whole operation. Pure. Invariants: it binds until the point of no return was reached, and then no more, because
 * ending there would leave a group without a primary; it is a wall-clock time in the journal, so a later leader enforces the same one.
 */
import { ClusterError } from '../../kernel/errors';
import type { Operation, OperationRequest, OperationStep } from '../model';
import { rulesOf } from './operation-kinds';
import { formatMs } from './snapshot';
import { actionOf } from './steps';

/** Counted from when the operation begins to run, which for a scheduled one is later than the request. */
export function deadlineAtOf(request: OperationRequest, nowMs: number): string | null {
  const ms = rulesOf(request)?.deadlineMs?.(request);
  return ms === undefined ? null : new Date(nowMs + ms).toISOString();
}

/** A step begun again (attempt counts on) was begun, whatever its times say now. */
export function isPastReturn(operation: Operation): boolean {
  return operation.steps.some((entry) => entry.pointOfNoReturn && (entry.startedAt !== null || entry.attempt > 0));
}

/** Milliseconds that `step` may still take on account of the operation's deadline; null: the deadline does not bind it. */
export function deadlineLeftMs(operation: Operation, step: OperationStep, nowMs: number): number | null {
  if (!operation.deadlineAt || isPastReturn(operation) || givesBack(operation)) return null;
  // What stands between two steps is decided before the next one begins; a point of no return that has begun is not cut off.
  return step.pointOfNoReturn && step.state === 'running' ? null : Date.parse(operation.deadlineAt) - nowMs;
}

/** The old primary is being granted again: that is the undoing itself. */
function givesBack(operation: Operation): boolean {
  return operation.steps.some((entry) => entry.state === 'compensated' && actionOf(entry) === 'collect-promises');
}

export function deadlineError(operation: Operation, step: OperationStep, nowMs: number): ClusterError {
  const limitMs = rulesOf(operation.request)?.deadlineMs?.(operation.request) ?? 0;
  const tookMs = limitMs + nowMs - Date.parse(operation.deadlineAt ?? '');
  return new ClusterError(
    'TIMEOUT',
    `The deadline of ${formatMs(limitMs)} passed ${step.state === 'pending' ? 'before' : 'in'} "${step.title}", before the point of no return.`,
    {
      reasons: [
        {
          rule: 'operation-deadline',
          measured: formatMs(tookMs),
          limit: formatMs(limitMs),
          remedy:
            'Repeat it with a longer deadline_ms or a shorter drain_ms, or when the step that took long is quicker.',
          ...(step.node ? { node: step.node } : {}),
        },
      ],
    },
  );
}

/** One sentence when a deadline passed that did not bind any more; else null. */
export function missedDeadline(operation: Operation): string | null {
  if (!operation.deadlineAt || !operation.finishedAt || !isPastReturn(operation)) return null;
  const overMs = Date.parse(operation.finishedAt) - Date.parse(operation.deadlineAt);
  if (overMs <= 0) return null;
  return `The deadline passed ${formatMs(overMs)} before the end, after the point of no return: from there it only went forward.`;
}
