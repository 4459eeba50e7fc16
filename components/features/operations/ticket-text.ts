/** An operation's incident timeline as plain text for a ticket. Pure. */
import type { Operation } from '../../providers/wire';
import { formatBytes, formatDuration, formatUtc, sentence } from '../../ui/format';
import { stateWord } from '../../ui/state-words';
import { operationKind } from './operation-name';

export function ticketText(operation: Operation): string {
  const lines = [
    `${operationKind(operation)}${operation.group ? ` of group ${operation.group}` : ''}: ${stateWord(operation.state)}`,
    `Operation ${operation.id}, requested by ${operation.requested_by}${operation.reason ? ` (${operation.reason})` : ''}`,
    `Started ${formatUtc(operation.created_at)}${operation.finished_at ? `, finished ${formatUtc(operation.finished_at)}` : ''}`,
  ];
  if (operation.summary.length > 0) lines.push('', ...operation.summary);
  if (operation.timeline.length > 0) {
    const total = operation.timeline.reduce((sum, phase) => sum + phase.ms, 0);
    lines.push('', `Phases (${formatDuration(total)} in all)`);
    for (const phase of operation.timeline) {
      lines.push(`  ${formatUtc(phase.started_at)}  ${sentence(phase.phase).padEnd(10)} ${formatDuration(phase.ms)}`);
    }
  }
  if (operation.bytes_at_risk !== null) lines.push('', `WAL at risk: ${formatBytes(operation.bytes_at_risk)}`);
  lines.push('', 'Steps');
  for (const step of operation.steps) {
    const ms = stepMs(step.started_at, step.finished_at);
    lines.push(
      `  [${stateWord(step.state)}] ${step.title}${ms === null ? '' : ` (${formatDuration(ms)})`}${step.detail ? `: ${step.detail}` : ''}`,
    );
  }
  if (operation.error) {
    lines.push('', `Error ${operation.error.code}: ${operation.error.message}`);
    for (const reason of operation.error.reasons) {
      lines.push(
        `  ${reason.node ? `${reason.node}: ` : ''}${reason.rule}: ${reason.measured ?? '?'} (limit ${reason.limit ?? '?'}). ${reason.remedy}`,
      );
    }
  }
  return lines.join('\n');
}

/** Elapsed time of a step; null when it has not begun or not ended and no present time is given. */
export function stepMs(startedAt: string | null, finishedAt: string | null, nowMs?: number): number | null {
  if (startedAt === null) return null;
  const end = finishedAt === null ? nowMs : Date.parse(finishedAt);
  return end === undefined ? null : Math.max(0, end - Date.parse(startedAt));
}

export function isRunning(operation: Operation): boolean {
  return operation.state === 'running' || operation.state === 'pending' || operation.state === 'paused';
}

/** Why it can't be cancelled now, or null. */
export function cancelReason(operation: Operation): string | null {
  if (!isRunning(operation)) return `The operation is over: ${stateWord(operation.state)}.`;
  const running = operation.steps.find((step) => step.state === 'running');
  const passed = operation.steps.find((step) => step.point_of_no_return && step.state !== 'pending');
  if (passed) return `“${passed.title}” was the point of no return: from there it only goes forward.`;
  if (running && !running.cancellable) return `The step “${running.title}” can't be interrupted.`;
  return null;
}
