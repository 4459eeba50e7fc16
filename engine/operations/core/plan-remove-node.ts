/**
 * Remove a node. Order: its acknowledgement stops counting, PostgreSQL stops, it leaves the control store, its record goes.
 * Invariants: a primary only by an admin's force, and then after a switchover; never when the control store would lose its majority.
 */
import { adminOnly, check, controlQuorum, noOperationRunning } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { emptyPlan, nodeAndGroup, nodeNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { switchoverFirst, votersWithout } from './plan-primary-away';
import { noLastCopy } from './slot-checks';
import { type ClusterSnapshot, isFresh } from './snapshot';
import { step } from './steps';

export const removeNode = defineOperation<'remove-node'>({
  kind: 'remove-node',
  holds: { node: 'text' },
  plan: planRemoveNode,
  concernsSlots: () => true,
  concernsUnloggedTables: () => true,
});

function planRemoveNode(request: RequestOf<'remove-node'>, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const found = nodeAndGroup(snapshot, request.node);
  if (!found) return nodeNotFound(request.node);
  const { group } = found;
  const isPrimary = group.record.primary === request.node;
  const removal = [
    step('set-maintenance', request.node),
    step('leave-voter-set', request.node),
    step('set-wanted-stopped', request.node),
    step('stop-postgres', request.node),
    step('leave-store', request.node),
    step('delete-node', request.node),
  ];
  const base = { ...emptyPlan, group: group.record.name, epoch: group.record.epoch, bytesAtRisk: 0 };
  const common = [
    controlQuorum(snapshot),
    noOperationRunning(snapshot, group),
    majorityWithout(snapshot, request.node),
    votersWithout(snapshot, group, request.node),
    ...noLastCopy(group, request.node, context.slots),
  ];
  const message = `${request.node} can't be removed`;
  if (!isPrimary) {
    return {
      ...base,
      steps: removal,
      checks: common,
      chosen: request.node,
      expectedPauseMs: 0,
      refusal: refusalFrom(common, { message }),
    };
  }
  const forced = request.force === true && context.admin;
  const checks = [
    ...common,
    adminOnly('admin-only', forced, `Removing the primary ${request.node} (with force: it switches over first)`),
  ];
  const first = switchoverFirst(snapshot, group, context);
  return {
    ...base,
    steps: [...first.steps, ...removal],
    checks: [...checks, ...first.checks],
    candidates: first.candidates,
    chosen: first.successor,
    expectedPauseMs: first.expectedPauseMs,
    refusal: refusalFrom([...checks, ...first.checks], {
      message,
      extraReasons: first.reasons,
      clusterCode: 'CLU_STANDBY_NOT_READY',
    }),
  };
}

/** After the removal the voters that answer must still be a majority of the voters that remain. */
function majorityWithout(snapshot: ClusterSnapshot, id: string) {
  const voters = snapshot.raft.configuration.voters;
  const remaining = voters.filter((voter) => voter.id !== id);
  const alive = remaining.filter((voter) => {
    const node = snapshot.nodes.get(voter.id);
    return voter.id === snapshot.self || (node !== undefined && isFresh(node, snapshot.config.leaseMs));
  }).length;
  const needed = Math.floor(remaining.length / 2) + 1;
  const isVoter = remaining.length !== voters.length;
  return check('control-majority-kept', !isVoter || (remaining.length > 0 && alive >= needed), {
    node: id,
    measured: `${alive} of ${remaining.length} remaining voters answer`,
    limit: `${needed}`,
    remedy: 'Bring back the other control-store voters first: the store would lose its majority.',
  });
}
