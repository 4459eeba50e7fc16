/** Start a node that was stopped by hand. Takes the group for nobody: starting a member can't endanger what runs. */
import { controlQuorum, reachable } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, nodeAndGroup, nodeNotFound, type Plan, refusalFrom } from './plan-model';
import type { ClusterSnapshot } from './snapshot';
import { step } from './steps';

export const startNode = defineOperation<'start-node'>({
  kind: 'start-node',
  holds: { node: 'text' },
  plan: planStartNode,
});

function planStartNode(request: RequestOf<'start-node'>, snapshot: ClusterSnapshot): Plan {
  const found = nodeAndGroup(snapshot, request.node);
  if (!found) return nodeNotFound(request.node);
  const { node, group } = found;
  const isPrimary = group.record.primary === request.node;
  const checks = [controlQuorum(snapshot), reachable(node, snapshot.config.leaseMs)];
  return {
    ...emptyPlan,
    group: group.record.name,
    epoch: group.record.epoch,
    exclusive: false,
    steps: [
      step('set-wanted-running', request.node),
      step('start-postgres', request.node),
      step(isPrimary ? 'wait-serving' : 'wait-streaming', request.node),
    ],
    checks,
    chosen: request.node,
    expectedPauseMs: 0,
    bytesAtRisk: 0,
    refusal: refusalFrom(checks, { message: `${request.node} can't be started`, clusterCode: 'CLU_NODE_UNREACHABLE' }),
  };
}
