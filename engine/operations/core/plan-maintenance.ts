/** Enter or leave maintenance: nothing happens to the node by itself meanwhile, and it is no candidate and no voter. */
import { check, controlQuorum } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, nodeAndGroup, nodeNotFound, type Plan, refusalFrom } from './plan-model';
import { votersWithout } from './plan-primary-away';
import type { ClusterSnapshot } from './snapshot';
import { step } from './steps';

export const maintenance = defineOperation<'maintenance'>({
  kind: 'maintenance',
  holds: { node: 'text', enabled: 'flag' },
  plan: planMaintenance,
});

function planMaintenance(request: RequestOf<'maintenance'>, snapshot: ClusterSnapshot): Plan {
  const found = nodeAndGroup(snapshot, request.node);
  if (!found) return nodeNotFound(request.node);
  const { group } = found;
  const isPrimary = group.record.primary === request.node;
  const checks = [controlQuorum(snapshot)];
  if (request.enabled) {
    checks.push(votersWithout(snapshot, group, request.node));
    checks.push(
      check('not-primary', !isPrimary, {
        node: request.node,
        severity: 'warning',
        measured: isPrimary ? 'primary' : 'standby',
        limit: 'standby',
        remedy: `While its primary is in maintenance, ${group.record.name} does not fail over by itself: switch over first.`,
      }),
    );
  }
  return {
    ...emptyPlan,
    group: group.record.name,
    epoch: group.record.epoch,
    exclusive: false,
    steps: [step(request.enabled ? 'set-maintenance' : 'clear-maintenance', request.node)],
    checks,
    chosen: request.node,
    expectedPauseMs: 0,
    bytesAtRisk: 0,
    refusal: refusalFrom(checks, { message: `Maintenance of ${request.node} can't be changed` }),
  };
}
