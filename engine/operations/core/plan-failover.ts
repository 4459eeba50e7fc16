/** Plan of a failover or a planned switchover: by hand, scheduled or automatic. Same code for the preview, the automatic decision and the run. */
import type { Candidate, Check, OperationStep } from '../model';
import { rankCandidates } from './candidates';
import {
  adminOnly,
  automaticFailoverOn,
  check,
  controlQuorum,
  noOperationRunning,
  primaryNotInMaintenance,
  primaryServes,
  promotable,
  voterQuorum,
} from './checks';
import { expectedPauseMs } from './expected-pause';
import { defineOperation, type RequestOf } from './operation-kind';
import { followersHaveEnough } from './parameter-checks';
import { groupNotFound, nodeNotFound, type Plan, type PlanContext, reasonsOf, refusalFrom } from './plan-model';
import { slotsFollow, slotsLeft } from './slot-checks';
import { type ClusterSnapshot, formatMs, type GroupSnapshot, isFresh, primaryOf } from './snapshot';
import { promotionSteps, step, switchoverSteps } from './steps';
import { unloggedTablesKept } from './unlogged-checks';

type FailoverRequest = RequestOf<'failover'>;

export const failover = defineOperation<'failover'>({
  kind: 'failover',
  holds: { group: 'text', mode: 'text' },
  plan: planFailover,
  // A planned change has the time to say what becomes of slots; a failover has not.
  concernsSlots: ({ mode }) => mode === 'switchover',
  concernsUnloggedTables: ({ mode, automatic }, preview) =>
    mode === 'switchover' || (preview && automatic === undefined),
  scheduledAt: ({ scheduledAt }) => scheduledAt ?? null,
  deadlineMs: ({ deadlineMs }) => deadlineMs,
  word: ({ mode }) => mode,
});

export function planFailover(request: FailoverRequest, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const group = snapshot.groups.get(request.group);
  if (!group) return groupNotFound(request.group);
  const { target } = request;
  if (target !== undefined && !group.members.some((member) => member.record.id === target))
    return nodeNotFound(target, request.group);

  const { leaseMs } = snapshot.config;
  const automatic = request.automatic !== undefined;
  const allowDataLoss = request.allowDataLoss === true;
  const checks = groupChecks(request, snapshot, group, context);
  const allowSlotLoss = request.allowSlotLoss === true;
  const { slots } = context;
  const candidates = rankCandidates(snapshot, group, {
    mode: request.mode,
    automatic,
    allowDataLoss,
    allowSlotLoss,
    slots,
  });
  const chosen = chooseCandidate(candidates, target ?? preferred(candidates, context))?.node ?? null;
  const targetChecks = target === undefined ? [] : targetIsNotPrimary(group, target);
  const slotChecks = request.mode === 'switchover' ? slotsFollow(group, chosen, slots) : slotsLeft(group, chosen);
  const parameterChecks = request.mode === 'switchover' ? followersHaveEnough(group, chosen, leaseMs) : [];
  const unlogged = unloggedTablesKept(group.record.primary, context.unlogged ?? null);
  const allChecks = [...checks, ...targetChecks, ...slotChecks, ...parameterChecks, ...unlogged];
  const noCandidate = chosen === null && targetChecks.every((entry) => entry.ok);

  return {
    group: request.group,
    epoch: group.record.epoch,
    exclusive: true,
    steps: failoverSteps(request, snapshot, group, chosen),
    checks: allChecks,
    candidates,
    chosen,
    expectedPauseMs: expectedPauseMs(snapshot.pauses, request.group, request.mode),
    bytesAtRisk: bytesAtRisk(request, group, candidates, chosen),
    refusal: refusalFrom(allChecks, {
      message: noCandidate
        ? `No standby of ${request.group} may be promoted`
        : `${request.mode === 'switchover' ? 'Switchover' : 'Failover'} of ${request.group} is not possible now`,
      extraReasons: noCandidate ? noCandidateReasons(candidates, target) : [],
      clusterCode: 'CLU_STANDBY_NOT_READY',
    }),
  };
}

function groupChecks(
  request: FailoverRequest,
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  context: PlanContext,
): readonly Check[] {
  const { leaseMs } = snapshot.config;
  const primary = primaryOf(group);
  const giveUp = request.allowDataLoss === true;
  const synchronous = group.record.mode !== 'asynchronous';
  const checks: Check[] = [controlQuorum(snapshot), noOperationRunning(snapshot, group)];
  if (giveUp) checks.push(adminOnly('admin-only', context.admin, 'Giving up acknowledged writes (allow_data_loss)'));
  if (request.allowSlotLoss)
    checks.push(adminOnly('admin-only', context.admin, 'Letting consumers of slots start over (allow_slot_loss)'));
  if (request.automatic) {
    checks.push(automaticFailoverOn(snapshot, group), primaryNotInMaintenance(primary));
  }
  if (request.mode === 'switchover') {
    checks.push(primaryServes(group, primary, leaseMs), ...deadlineFits(request, snapshot));
    return checks;
  }
  if (synchronous) {
    checks.push(promotable(group, giveUp ? 'warning' : 'blocker'));
    checks.push(voterQuorum(group, leaseMs, giveUp ? 'warning' : 'blocker'));
  } else if (!giveUp && !request.automatic) {
    checks.push(
      check('asynchronous-mode', false, {
        severity: 'warning',
        measured: 'asynchronous',
        limit: 'a mode with acknowledging standbys',
        remedy: 'Writes that no standby has received yet are lost when the primary does not come back.',
      }),
    );
  }
  if (!request.automatic && primary && isFresh(primary, leaseMs) && primary.report!.postgres.state === 'primary') {
    checks.push(
      check('primary-is-down', false, {
        node: primary.record.id,
        severity: 'warning',
        measured: 'serving',
        limit: 'not serving',
        remedy: 'The primary serves: a switchover ends its sessions in order and is shorter for clients.',
      }),
    );
  }
  return checks;
}

/** Only a drain may use up its time: with open sessions a deadline within it is sure to pass. */
function deadlineFits(request: FailoverRequest, snapshot: ClusterSnapshot): readonly Check[] {
  if (request.deadlineMs === undefined) return [];
  const drainMs = request.drainMs ?? snapshot.config.drainMs;
  return [
    check('deadline-fits-drain', drainMs < request.deadlineMs, {
      severity: 'warning',
      measured: `drain of ${formatMs(drainMs)}`,
      limit: `deadline of ${formatMs(request.deadlineMs)}`,
      remedy:
        'If sessions stay open, the deadline passes while they drain and everything is undone: give a shorter drain_ms or a longer deadline_ms.',
    }),
  ];
}

function failoverSteps(
  request: FailoverRequest,
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  chosen: string | null,
): readonly OperationStep[] {
  const primary = primaryOf(group);
  const drainMs = request.drainMs ?? snapshot.config.drainMs;
  if (request.mode === 'switchover') {
    return [...switchoverSteps(primary?.record.id ?? '', chosen, { drainMs }), step('rejoin')];
  }
  const serving =
    primary !== null && isFresh(primary, snapshot.config.leaseMs) && primary.report!.postgres.state === 'primary';
  // Without acknowledging standbys only the end of the lease or a stop fences a live primary; it would renew for ever.
  const mustStop = serving && (group.record.mode === 'asynchronous' || group.record.promotable === 'none');
  return [...(mustStop ? [step('demote', primary.record.id)] : []), ...promotionSteps(chosen), step('rejoin')];
}

function preferred(candidates: readonly Candidate[], context: PlanContext): string | undefined {
  return candidates.find((candidate) => candidate.node === context.prefer && candidate.eligible)?.node;
}

function chooseCandidate(candidates: readonly Candidate[], target: string | undefined): Candidate | undefined {
  if (target !== undefined) return candidates.find((candidate) => candidate.node === target && candidate.eligible);
  return candidates.find((candidate) => candidate.rank === 1);
}

function targetIsNotPrimary(group: GroupSnapshot, target: string): readonly Check[] {
  return [
    check('target-is-standby', group.record.primary !== target, {
      node: target,
      measured: group.record.primary === target ? 'primary' : 'standby',
      limit: 'standby',
      remedy: `${target} is the primary already.`,
    }),
  ];
}

function noCandidateReasons(candidates: readonly Candidate[], target: string | undefined) {
  const asked = target === undefined ? candidates : candidates.filter((candidate) => candidate.node === target);
  if (asked.length === 0) {
    return [
      {
        rule: 'has-standby',
        measured: '0 standbys',
        limit: '1',
        remedy: 'Add a node to the group and let it catch up.',
      },
    ];
  }
  return asked.flatMap((candidate) => reasonsOf(candidate.checks));
}

/** Synchronous modes lose nothing by construction; otherwise what only the primary has, as last measured. */
function bytesAtRisk(
  request: FailoverRequest,
  group: GroupSnapshot,
  candidates: readonly Candidate[],
  chosen: string | null,
): number | null {
  if (request.mode === 'switchover') return 0;
  const mayLose =
    group.record.mode === 'asynchronous' || group.record.promotable === 'none' || request.allowDataLoss === true;
  if (!mayLose) return 0;
  return candidates.find((candidate) => candidate.node === chosen)?.lagBytes ?? null;
}
