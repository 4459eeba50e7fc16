/** Failovers as previews, records and events. */
import type { ClusterView } from '@/engine/cluster/model';
import type { Operation } from '@/engine/operations/model';
import type { FailoverRequest } from '../shared/failover-request';
import { findGroup } from '../shared/find';
import { presentCheck, presentOperation } from '../shared/present-operation';

export function presentPreflight(view: ClusterView, request: FailoverRequest, plan: Operation) {
  const group = findGroup(view, request.group);
  const wire = presentOperation(plan);
  const chosen = request.target ?? plan.candidates.find((candidate) => candidate.rank === 1)?.node ?? null;
  const target = plan.candidates.find((candidate) => candidate.node === chosen);
  const blockers = plan.checks.filter((check) => !check.ok && check.severity === 'blocker').map(presentCheck);
  return {
    group: request.group,
    mode: request.mode,
    feasible: blockers.length === 0 && (target?.eligible ?? false) && plan.error === null,
    primary: group.record.primary,
    epoch: group.record.epoch,
    target: chosen,
    candidates: wire.candidates,
    checks: wire.checks,
    blockers,
    lag_bytes: target?.lagBytes ?? null,
    bytes_at_risk: plan.bytesAtRisk,
    expected_pause_ms: plan.expectedPauseMs,
    plan_hash: plan.planHash,
    plan: wire,
  };
}

export function presentFailover(operation: Operation) {
  const request = operation.request.kind === 'failover' ? operation.request : null;
  const { from, to } = participants(operation);
  const wire = presentOperation(operation);
  const epoch = operation.result?.epoch;
  return {
    id: operation.id,
    group: operation.group ?? '',
    mode: request?.mode ?? ('failover' as const),
    automatic: request?.automatic !== undefined,
    state: operation.state,
    from,
    to,
    epoch: typeof epoch === 'number' ? epoch : null,
    cause: request?.automatic?.cause ?? operation.reason,
    requested_by: operation.requestedBy,
    reason: operation.reason,
    created_at: operation.createdAt,
    finished_at: operation.finishedAt,
    duration_ms:
      operation.finishedAt === null ? null : Date.parse(operation.finishedAt) - Date.parse(operation.createdAt),
    write_pause_ms: writePauseMs(operation),
    write_pause_unknown: text(operation.result?.pause_unknown),
    bytes_at_risk: operation.bytesAtRisk,
    phases: wire.timeline,
    summary: wire.summary,
    operation: wire,
  };
}

export function presentFailoverEvent(operation: Operation) {
  const request = operation.request.kind === 'failover' ? operation.request : null;
  const step = operation.steps.findLast((one) => one.state !== 'pending') ?? null;
  const at = operation.finishedAt ?? step?.finishedAt ?? step?.startedAt ?? operation.createdAt;
  return {
    operation_id: operation.id,
    group: operation.group ?? '',
    state: operation.state,
    mode: request?.mode ?? ('failover' as const),
    automatic: request?.automatic !== undefined,
    ...participants(operation),
    step: step?.name ?? null,
    message: operation.error?.message ?? step?.detail ?? step?.title ?? `Failover is ${operation.state}`,
    timestamp: at,
  };
}

function participants(operation: Operation): { from: string | null; to: string | null } {
  const request = operation.request.kind === 'failover' ? operation.request : null;
  const result = operation.result ?? {};
  const chosen = operation.candidates.find((candidate) => candidate.rank === 1)?.node ?? null;
  return {
    from: operation.oldPrimary ?? request?.expectedPrimary ?? null,
    to: text(result.primary) ?? request?.target ?? chosen,
  };
}

/** As the engine measured it; null: it did not, or nobody can tell. The phases are no measure: they may begin long after writes stopped. */
function writePauseMs(operation: Operation): number | null {
  const told = operation.result?.pause_ms;
  return typeof told === 'number' ? told : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
