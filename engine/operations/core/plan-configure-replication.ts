/**
 * Change a group's commit mode, the standbys whose acknowledgement may count, and replication settings. The controller writes what is wanted; the
 * primary's agent moves the voter set there in the safe order (adding: store first; removing: PostgreSQL first), and the last step waits for that.
 */
import { givesUpAcknowledgements } from '../../cluster/core/mode-change';
import type { Check } from '../model';
import { adminOnly, check, controlQuorum, noOperationRunning, primaryServes, reachable } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { applySteps } from './plan-change-settings';
import { emptyPlan, groupNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { needsRestart, serversAccept, settingsChecks } from './settings-checks';
import { touchSlots } from './slot-checks';
import { type ClusterSnapshot, primaryOf } from './snapshot';
import { step } from './steps';

export const configureReplication = defineOperation<'configure-replication'>({
  kind: 'configure-replication',
  holds: { group: 'text', mode: 'text', standbys: 'names', settings: 'map' },
  plan: planConfigureReplication,
  concernsSlots: ({ settings }) => touchSlots(settings),
  settings: ({ settings }) => settings,
});

function planConfigureReplication(
  request: RequestOf<'configure-replication'>,
  snapshot: ClusterSnapshot,
  context: PlanContext,
): Plan {
  const group = snapshot.groups.get(request.group);
  if (!group) return groupNotFound(request.group);
  const standbyChecks = request.standbys.flatMap((id) => {
    const member = group.members.find((entry) => entry.record.id === id);
    const isStandby = member !== undefined && group.record.primary !== id;
    const known = check('is-standby', isStandby, {
      node: id,
      measured: member === undefined ? 'no member of the group' : isStandby ? 'standby' : 'primary',
      limit: `standby of ${request.group}`,
      remedy: `${id} is no standby of ${request.group}.`,
    });
    if (!member || !isStandby) return [known];
    const running = check(
      'not-stopped-by-hand',
      request.mode === 'asynchronous' || member.record.wanted === 'running',
      {
        node: id,
        measured: member.record.wanted,
        limit: 'running',
        remedy: `Start ${id}: it was stopped by hand and acknowledges nothing.`,
      },
    );
    return [known, running, reachable(member, snapshot.config.leaseMs)];
  });
  const nobodyNamed = request.mode !== 'asynchronous' && request.standbys.length === 0;
  const badInput = [
    check('names-standbys', !nobodyNamed, {
      measured: String(request.standbys.length),
      limit: request.mode === 'asynchronous' ? '0' : '1',
      remedy: `Name at least one standby whose acknowledgement counts in ${request.mode}.`,
    }),
    ...standbyChecks,
    ...settingsChecks(request.settings, context.knownSettings ?? null, context.admin),
    ...serversAccept(request.settings, group, context.verdicts),
  ];
  const restarting = needsRestart(request.settings);
  const weaker = givesUpAcknowledgements(group.record, request.mode);
  const checks = [
    ...(weaker ? givingUpChecks(request, context) : []),
    controlQuorum(snapshot),
    noOperationRunning(snapshot, group),
    primaryServes(group, primaryOf(group), snapshot.config.leaseMs),
    ...badInput,
    check('no-restart-needed', restarting.length === 0, {
      severity: 'warning',
      measured: restarting.join(', ') || 'none',
      limit: 'none',
      remedy: 'These settings wait for a restart: change them as settings of the group for a rolling restart.',
    }),
  ];
  const refusal = refusalFrom(checks, { message: `Replication of ${request.group} can't be configured so` });
  return {
    ...emptyPlan,
    group: request.group,
    epoch: group.record.epoch,
    steps: [step('write-settings'), ...applySteps(snapshot, group), step('wait-voters')],
    checks,
    chosen: null,
    expectedPauseMs: 0,
    bytesAtRisk: 0,
    refusal:
      refusal && refusal.clusterCode === null && badInput.some((entry) => !entry.ok && entry.severity === 'blocker')
        ? { ...refusal, code: 'INVALID_INPUT' }
        : refusal,
  };
}

/** From then on a failover loses what no standby has, without asking anybody: that is said once, by somebody who may. */
function givingUpChecks(request: RequestOf<'configure-replication'>, context: PlanContext): readonly Check[] {
  return [
    adminOnly('admin-only', context.admin, `Making ${request.group} asynchronous (allow_data_loss)`),
    check('allow-data-loss', request.allowDataLoss === true, {
      measured: 'to asynchronous',
      limit: 'allow_data_loss: true',
      remedy: 'A failover will lose what no standby has: confirm it with allow_data_loss, or keep another mode.',
    }),
  ];
}
