/** The operation record in snake_case. Step results stay inside: they are the engine's own notes. */
import type { Check, Operation } from '@/engine/operations/model';
import type { WireOperation } from './wire-operation';

export function presentOperation(operation: Operation): WireOperation {
  return {
    id: operation.id,
    kind: operation.kind,
    group: operation.group,
    state: operation.state,
    requested_by: operation.requestedBy,
    reason: operation.reason,
    request_id: operation.requestId,
    request: snakeKeys(operation.request),
    created_at: operation.createdAt,
    finished_at: operation.finishedAt,
    scheduled_at: operation.scheduledAt,
    deadline_at: operation.deadlineAt ?? null,
    plan_hash: operation.planHash,
    steps: operation.steps.map((step) => ({
      name: step.name,
      title: step.title,
      state: step.state,
      started_at: step.startedAt,
      finished_at: step.finishedAt,
      deadline_ms: step.deadlineMs,
      cancellable: step.cancellable,
      point_of_no_return: step.pointOfNoReturn,
      compensation: step.compensation,
      detail: step.detail,
      attempt: step.attempt,
    })),
    checks: operation.checks.map(presentCheck),
    candidates: operation.candidates.map((candidate) => ({
      node: candidate.node,
      eligible: candidate.eligible,
      rank: candidate.rank,
      lag_bytes: candidate.lagBytes,
      checks: candidate.checks.map(presentCheck),
    })),
    expected_pause_ms: operation.expectedPauseMs,
    bytes_at_risk: operation.bytesAtRisk,
    timeline: operation.timeline.map((phase) => ({ phase: phase.phase, started_at: phase.startedAt, ms: phase.ms })),
    summary: [...operation.summary],
    result: operation.result === null ? null : snakeKeys(operation.result),
    error:
      operation.error === null
        ? null
        : {
            code: operation.error.code,
            message: operation.error.message,
            reasons: operation.error.reasons.map((reason) => ({ ...reason })),
          },
  };
}

export function presentCheck(check: Check) {
  const { rule, node, ok, severity, measured, limit, remedy } = check;
  return { rule, node, ok, severity, measured, limit, remedy };
}

/** First level only: deeper levels are maps whose keys are data (settings, nodes). */
export function snakeKeys(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
