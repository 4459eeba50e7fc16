/** Bring a member back behind the primary: start and follow, or (`reclone`) throw its data away and clone. Never for the primary itself. */
import { check, controlQuorum, primaryServes, reachable } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, nodeAndGroup, nodeNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { noLastCopy } from './slot-checks';
import { type ClusterSnapshot, primaryOf } from './snapshot';
import { step } from './steps';

export const rejoinNode = defineOperation<'rejoin-node'>({
  kind: 'rejoin-node',
  holds: { node: 'text' },
  plan: planRejoinNode,
  concernsSlots: ({ reclone }) => reclone === true,
});

function planRejoinNode(request: RequestOf<'rejoin-node'>, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const found = nodeAndGroup(snapshot, request.node);
  if (!found) return nodeNotFound(request.node);
  const { node, group } = found;
  const primary = primaryOf(group);
  const isPrimary = group.record.primary === request.node;
  const checks = [
    controlQuorum(snapshot),
    reachable(node, snapshot.config.leaseMs),
    check('is-standby', !isPrimary, {
      node: request.node,
      measured: isPrimary ? 'primary' : 'standby',
      limit: 'standby',
      remedy: `${request.node} is the primary: switch over first.`,
    }),
    primaryServes(group, primary, snapshot.config.leaseMs),
    ...(request.reclone ? noLastCopy(group, request.node, context.slots) : []),
  ];
  return {
    ...emptyPlan,
    group: group.record.name,
    epoch: group.record.epoch,
    exclusive: false,
    steps: [
      step('set-wanted-running', request.node),
      step(request.reclone ? 'reclone' : 'start-postgres', request.node),
      step('wait-streaming', request.node),
    ],
    checks,
    chosen: request.node,
    expectedPauseMs: 0,
    bytesAtRisk: 0,
    refusal: refusalFrom(checks, { message: `${request.node} can't rejoin`, clusterCode: 'CLU_STANDBY_NOT_READY' }),
  };
}
