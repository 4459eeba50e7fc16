/** The incident timeline of an operation: phases with milliseconds from the journal's own times, and sentences for a ticket. Measured only, nothing estimated. */
import type { Operation, OperationStep, Phase } from '../model';
import { missedDeadline } from './operation-deadline';
import { formatBytes, formatMs } from './snapshot';
import { actionOf, type StepAction } from './steps';

const preparing: readonly StepAction[] = ['check-target', 'checkpoint', 'drain'];

export function timelineOf(operation: Operation): readonly Phase[] {
  const automatic = operation.request.kind === 'failover' ? operation.request.automatic : undefined;
  const promises = lastOf(operation, 'collect-promises');
  const demoted = lastOf(operation, 'demote');
  const fenceStart = demoted?.startedAt ?? promises?.startedAt ?? null;
  const prepareStart = operation.steps.find((entry) => preparing.includes(actionOf(entry)))?.startedAt ?? null;
  const decided = prepareStart ?? fenceStart;
  return [
    phase('detect', automatic?.lastServedAt ?? null, automatic?.detectedAt ?? null),
    phase('decide', automatic?.detectedAt ?? null, decided),
    phase('prepare', prepareStart, prepareStart === null ? null : fenceStart),
    phase('fence', fenceStart, promises?.finishedAt ?? demoted?.finishedAt ?? null),
    phase('promote', promises?.finishedAt ?? null, lastOf(operation, 'promote')?.finishedAt ?? null),
    phase('route', lastOf(operation, 'promote')?.finishedAt ?? null, lastOf(operation, 'route')?.finishedAt ?? null),
  ].filter((entry): entry is Phase => entry !== null);
}

/** The write pause: from the last moment served (or the stop of the old primary) until the new one was seen serving. Null: no primary changed, or unknown. */
export function pauseMsOf(operation: Operation): number | null {
  const routed = lastOf(operation, 'route')?.finishedAt;
  const began = routed ? pauseBegan(operation) : null;
  return routed && began !== null ? Math.max(0, Date.parse(routed) - Date.parse(began)) : null;
}

/** Why the pause of a change of primary is not known; null: it is known, or no primary changed. */
export function pauseUnknown(operation: Operation): string | null {
  if (!lastOf(operation, 'route')?.finishedAt || pauseBegan(operation) !== null) return null;
  const who = operation.oldPrimary ?? 'the old primary';
  return isAutomatic(operation)
    ? `Unknown: nobody who still runs had heard ${who} serve.`
    : `Unknown: ${who} did not serve any more when the failover was asked for.`;
}

function isAutomatic(operation: Operation): boolean {
  return operation.request.kind === 'failover' && operation.request.automatic !== undefined;
}

function pauseBegan(operation: Operation): string | null {
  const { request } = operation;
  if (request.kind === 'failover' && request.automatic) return request.automatic.lastServedAt;
  const demoted = lastOf(operation, 'demote')?.startedAt;
  if (demoted) return demoted;
  // Without a stop the pause begins with the promises only if the primary served until then.
  const served = operation.checks.some((entry) => entry.rule === 'primary-is-down' && !entry.ok);
  return served ? (lastOf(operation, 'collect-promises')?.startedAt ?? null) : null;
}

export function summaryOf(operation: Operation, timeline: readonly Phase[]): readonly string[] {
  const sentences: string[] = [headline(operation)];
  const automatic = operation.request.kind === 'failover' ? operation.request.automatic : undefined;
  if (automatic) sentences.push(`Cause: ${automatic.cause}`);
  else if (operation.reason) sentences.push(`Reason given: ${operation.reason}`);
  const pause = pauseMsOf(operation);
  if (pause !== null) {
    const parts = timeline.map((entry) => `${entry.phase} ${formatMs(entry.ms)}`).join(', ');
    sentences.push(`Write pause ${formatMs(pause)} (${parts}).`);
  }
  const unknown = pauseUnknown(operation);
  if (unknown !== null) sentences.push(`Write pause: ${unknown}`);
  const lost = bytesLost(operation);
  if (lost !== undefined)
    sentences.push(lost === null ? 'Bytes given up: unknown.' : `WAL given up: ${formatBytes(lost)}.`);
  for (const entry of operation.steps) {
    if (entry.detail && entry.state !== 'skipped') sentences.push(`${entry.title}: ${entry.detail}`);
  }
  const shorter = whatWouldBeShorter(operation, timeline);
  if (shorter) sentences.push(shorter);
  const missed = missedDeadline(operation);
  if (missed) sentences.push(missed);
  if (operation.error) sentences.push(`It ended with: ${operation.error.message}`);
  return sentences;
}

function headline(operation: Operation): string {
  const what = operation.request.kind === 'failover' ? operation.request.mode : operation.kind;
  const where = operation.group === null ? '' : ` of ${operation.group}`;
  return `${what}${where} (${operation.id}), asked by ${operation.requestedBy} at ${operation.createdAt}: ${operation.state}.`;
}

function whatWouldBeShorter(operation: Operation, timeline: readonly Phase[]): string | null {
  const pause = pauseMsOf(operation);
  if (pause === null || pause === 0) return null;
  const longest = [...timeline].filter((entry) => entry.phase !== 'prepare').sort((a, b) => b.ms - a.ms)[0];
  if (!longest || longest.ms * 2 < pause) return null;
  const advice: Readonly<Record<string, string>> = {
    detect: 'A shorter lease would find a dead node sooner.',
    decide: 'A standby that may be promoted was not there at once: keep one more voter.',
    fence:
      'The stop or the promises took longest: a checkpoint before, less WAL to ship or to replay, would shorten it.',
    promote:
      'The promotion took longest: see whether failover_wait is lease, and whether the standby replays with delay.',
    route: 'Seeing the new primary took longest: see the load of that node.',
  };
  const text = advice[longest.phase];
  return text ? `${text} (${longest.phase} was ${formatMs(longest.ms)} of ${formatMs(pause)}.)` : null;
}

function bytesLost(operation: Operation): number | null | undefined {
  const result = lastOf(operation, 'choose')?.result;
  if (typeof result !== 'object' || result === null || !('bytesLost' in result)) return undefined;
  return typeof result.bytesLost === 'number' ? result.bytesLost : null;
}

function lastOf(operation: Operation, action: StepAction): OperationStep | undefined {
  return operation.steps.findLast((entry) => actionOf(entry) === action && entry.startedAt !== null);
}

function phase(name: string, from: string | null, to: string | null): Phase | null {
  if (from === null || to === null) return null;
  return { phase: name, startedAt: from, ms: Math.max(0, Date.parse(to) - Date.parse(from)) };
}
