/** Shape of a plan and the one dispatcher. `plan` is what preview shows and what the executor runs; there is no second source of steps. */
import type { OperationRequest, OperationStep } from '../model';
import { rulesOf } from './operation-kinds';
import { kindNotKnown, type Plan, type PlanContext } from './plan-model';
import { refusedShape, shapeFaults } from './request-shape';
import type { ClusterSnapshot } from './snapshot';

export type { Plan, PlanContext } from './plan-model';

export function planOperation(request: OperationRequest, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const faults = shapeFaults(request);
  if (faults.length > 0) return refusedShape(request, faults);
  return rulesOf(request)?.plan(request, snapshot, context) ?? kindNotKnown(request.kind);
}

/**
 * What the hash covers: what will be done to whom under which epoch; not measurements, so that a plan does not change because a lag moved.
 */
export function planMeaning(request: OperationRequest, plan: Plan): string {
  const { expectedPrimary: _primary, expectedEpoch: _epoch, ...meaning } = request;
  return canonical({
    request: meaning,
    epoch: plan.epoch,
    chosen: plan.chosen,
    steps: plan.steps.map((entry: OperationStep) => [entry.name, entry.action ?? entry.name, entry.node ?? null]),
    refused: plan.refusal === null ? null : plan.refusal.message,
  });
}

/** JSON with sorted keys, so that equal meaning is equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
