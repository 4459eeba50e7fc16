/** Stop a node by hand; it stays stopped over restarts. A primary is switched over first, unless an admin forces it. */
import { check, controlQuorum, noOperationRunning, reachable } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, nodeAndGroup, nodeNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { inPlace, switchoverFirst, votersWithout } from './plan-primary-away';
import type { ClusterSnapshot } from './snapshot';
import { step } from './steps';

export const stopNode = defineOperation<'stop-node'>({
  kind: 'stop-node',
  holds: { node: 'text', mode: 'text' },
  plan: planStopNode,
  concernsSlots: () => true,
  concernsUnloggedTables: () => true,
});

function planStopNode(request: RequestOf<'stop-node'>, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const found = nodeAndGroup(snapshot, request.node);
  if (!found) return nodeNotFound(request.node);
  const { node, group } = found;
  const stopSteps = [step('set-wanted-stopped', request.node), step('stop-postgres', request.node)];
  const common = [
    controlQuorum(snapshot),
    noOperationRunning(snapshot, group),
    reachable(node, snapshot.config.leaseMs),
    check('runs', node.record.wanted === 'running', {
      node: request.node,
      severity: 'warning',
      measured: node.record.wanted,
      limit: 'running',
      remedy: `${request.node} was stopped by hand already.`,
    }),
  ];
  const base = { ...emptyPlan, group: group.record.name, epoch: group.record.epoch, bytesAtRisk: 0 };
  const message = `${request.node} can't be stopped`;

  if (group.record.primary !== request.node) {
    const checks = [...common, votersWithout(snapshot, group, request.node)];
    return {
      ...base,
      steps: stopSteps,
      checks,
      chosen: request.node,
      expectedPauseMs: 0,
      refusal: refusalFrom(checks, { message }),
    };
  }
  if (request.force) {
    const checks = [...common, ...inPlace(context, 'Stopping')];
    return { ...base, steps: stopSteps, checks, chosen: null, refusal: refusalFrom(checks, { message }) };
  }
  const first = switchoverFirst(snapshot, group, context);
  const checks = [...common, ...first.checks];
  return {
    ...base,
    steps: [...first.steps, ...stopSteps],
    checks,
    candidates: first.candidates,
    chosen: first.successor,
    expectedPauseMs: first.expectedPauseMs,
    refusal: refusalFrom(checks, { message, extraReasons: first.reasons, clusterCode: 'CLU_STANDBY_NOT_READY' }),
  };
}
