/**
 * The part that plans share which take a primary out of service: switch over first, or (admin and force) do it in place. Also what a standby's
 * absence does to the group's commits. Invariant: nobody but an admin with force stops a primary without a successor.
 */
import { actsWithoutStandby } from '../../cluster/core/voter-set';
import type { Candidate, Check, OperationStep } from '../model';
import { rankCandidates } from './candidates';
import { adminOnly, check, primaryServes } from './checks';
import { expectedPauseMs } from './expected-pause';
import { followersHaveEnough } from './parameter-checks';
import { type PlanContext, reasonsOf } from './plan-model';
import { type ClusterSnapshot, type GroupSnapshot, isFresh, primaryOf } from './snapshot';
import { switchoverSteps } from './steps';
import { unloggedTablesKept } from './unlogged-checks';

export type PrimaryAway = {
  readonly steps: readonly OperationStep[];
  readonly checks: readonly Check[];
  readonly candidates: readonly Candidate[];
  readonly reasons: ReturnType<typeof reasonsOf>;
  readonly successor: string | null;
  readonly expectedPauseMs: number;
};

export function switchoverFirst(snapshot: ClusterSnapshot, group: GroupSnapshot, context: PlanContext): PrimaryAway {
  const primary = primaryOf(group);
  const { slots } = context;
  const candidates = rankCandidates(snapshot, group, {
    mode: 'switchover',
    automatic: false,
    allowDataLoss: false,
    slots,
  });
  const fit = candidates.filter((candidate) => candidate.eligible);
  const successor = (fit.find((candidate) => candidate.node === context.prefer) ?? fit[0])?.node ?? null;
  const reasons =
    successor !== null
      ? []
      : candidates.length === 0
        ? [
            {
              rule: 'has-standby',
              measured: '0 standbys',
              limit: '1',
              remedy: 'Add a node to the group first, or let an admin force it.',
            },
          ]
        : candidates.flatMap((candidate) => reasonsOf(candidate.checks));
  return {
    steps: switchoverSteps(primary?.record.id ?? '', successor, { drainMs: snapshot.config.drainMs, suffix: 'first' }),
    checks: [
      primaryServes(group, primary, snapshot.config.leaseMs),
      ...followersHaveEnough(group, successor, snapshot.config.leaseMs),
      ...unloggedTablesKept(group.record.primary, context.unlogged ?? null),
    ],
    candidates,
    reasons,
    successor,
    expectedPauseMs: expectedPauseMs(snapshot.pauses, group.record.name, 'switchover'),
  };
}

export function inPlace(context: PlanContext, what: string): readonly Check[] {
  return [
    adminOnly('admin-only', context.admin, `${what} a primary without a switchover (force)`),
    check('switchover-first', false, {
      severity: 'warning',
      measured: 'force',
      limit: 'switchover first',
      remedy: 'Writes fail until the group has a primary again.',
    }),
  ];
}

/** Whether commits still have enough standbys when `node` is gone. */
export function votersWithout(snapshot: ClusterSnapshot, group: GroupSnapshot, node: string): Check {
  const { members, k } = group.record.voterSet;
  const left = group.members.filter(
    (member) =>
      members.includes(member.record.id) && member.record.id !== node && isFresh(member, snapshot.config.leaseMs),
  ).length;
  const needed = Math.min(k, members.length);
  const waits = actsWithoutStandby(group.record) === 'wait';
  return check('voters-left', !members.includes(node) || left >= Math.max(1, needed), {
    node,
    severity: 'warning',
    measured: `${left} voters`,
    limit: `${Math.max(1, needed)}`,
    remedy: waits
      ? `Commits of ${group.record.name} may wait until another standby acknowledges.`
      : `${group.record.name} degrades openly when no other standby acknowledges: no automatic failover until one is back.`,
  });
}
