/** Shape of a plan and the one dispatcher. `plan` is what preview shows and what the executor runs; there is no second source of steps. */
import type { OperationRequest, OperationStep } from '../model';
import { planAddNode } from './plan-add-node';
import { planChangeSettings } from './plan-change-settings';
import { planConfigureReplication } from './plan-configure-replication';
import { planCreateSlot } from './plan-create-slot';
import { planDropSlot } from './plan-drop-slot';
import { planFailover } from './plan-failover';
import { planMaintenance } from './plan-maintenance';
import { kindNotKnown, type Plan, type PlanContext } from './plan-model';
import { planRejoinNode } from './plan-rejoin-node';
import { planRemoveNode } from './plan-remove-node';
import { planRestartNode } from './plan-restart-node';
import { planStartNode } from './plan-start-node';
import { planStopNode } from './plan-stop-node';
import { refusedShape, shapeFaults } from './request-shape';
import type { ClusterSnapshot } from './snapshot';

export type { Plan, PlanContext } from './plan-model';

export function planOperation(request: OperationRequest, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const faults = shapeFaults(request);
  if (faults.length > 0) return refusedShape(request, faults);
  switch (request.kind) {
    case 'failover':
      return planFailover(request, snapshot, context);
    case 'start-node':
      return planStartNode(request, snapshot);
    case 'stop-node':
      return planStopNode(request, snapshot, context);
    case 'restart-node':
      return planRestartNode(request, snapshot, context);
    case 'rejoin-node':
      return planRejoinNode(request, snapshot, context);
    case 'maintenance':
      return planMaintenance(request, snapshot);
    case 'add-node':
      return planAddNode(request, snapshot, context);
    case 'remove-node':
      return planRemoveNode(request, snapshot, context);
    case 'configure-replication':
      return planConfigureReplication(request, snapshot, context);
    case 'change-settings':
      return planChangeSettings(request, snapshot, context);
    case 'create-slot':
      return planCreateSlot(request, snapshot, context);
    case 'drop-slot':
      return planDropSlot(request, snapshot, context);
    default:
      // Only what an older release finds in the store can come here: the compiler knows that every kind of this one has its case.
      return kindNotKnown((request satisfies never as { readonly kind: string }).kind);
  }
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
