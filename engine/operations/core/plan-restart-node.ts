/** Restart a node's PostgreSQL. A primary is switched over first and comes back as a standby; in place only by an admin's force. */
import { controlQuorum, noOperationRunning, reachable } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, nodeAndGroup, nodeNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { inPlace, switchoverFirst, votersWithout } from './plan-primary-away';
import type { ClusterSnapshot } from './snapshot';
import { step } from './steps';

export const restartNode = defineOperation<'restart-node'>({
  kind: 'restart-node',
  holds: { node: 'text' },
  plan: planRestartNode,
  concernsSlots: () => true,
  concernsUnloggedTables: () => true,
});

function planRestartNode(request: RequestOf<'restart-node'>, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const found = nodeAndGroup(snapshot, request.node);
  if (!found) return nodeNotFound(request.node);
  const { node, group } = found;
  const common = [
    controlQuorum(snapshot),
    noOperationRunning(snapshot, group),
    reachable(node, snapshot.config.leaseMs),
  ];
  const base = { ...emptyPlan, group: group.record.name, epoch: group.record.epoch, bytesAtRisk: 0 };
  const message = `${request.node} can't be restarted`;
  const asStandby = [step('restart-postgres', request.node), step('wait-streaming', request.node)];

  if (group.record.primary !== request.node) {
    const checks = [...common, votersWithout(snapshot, group, request.node)];
    return {
      ...base,
      steps: asStandby,
      checks,
      chosen: request.node,
      expectedPauseMs: 0,
      refusal: refusalFrom(checks, { message }),
    };
  }
  if (request.force) {
    const checks = [...common, ...inPlace(context, 'Restarting')];
    return {
      ...base,
      steps: [step('restart-postgres', request.node), step('wait-serving', request.node)],
      checks,
      chosen: request.node,
      refusal: refusalFrom(checks, { message }),
    };
  }
  const first = switchoverFirst(snapshot, group, context);
  const checks = [...common, ...first.checks];
  return {
    ...base,
    steps: [...first.steps, ...asStandby],
    checks,
    candidates: first.candidates,
    chosen: first.successor,
    expectedPauseMs: first.expectedPauseMs,
    refusal: refusalFrom(checks, { message, extraReasons: first.reasons, clusterCode: 'CLU_STANDBY_NOT_READY' }),
  };
}
