/**
 * When a group changes its primary by itself. Two triggers and no third: its lease has run out (or was given back), or its agent reported an exit
 * that it can't mend in place. Suspicion never decides. Pure decision over a group and the plan; the controller polls it at the known expiry.
 */
import type { GroupName } from '../kernel/ids';
import { planFailover } from '../operations/core/plan-failover';
import type { Plan } from '../operations/core/plan-model';
import { type ClusterSnapshot, formatMs, type GroupSnapshot, primaryOf } from '../operations/core/snapshot';
import type { OperationRequest } from '../operations/model';
import type { ExitNotice } from './commands';

type FailoverRequest = Extract<OperationRequest, { kind: 'failover' }>;

export type Decision =
  | { readonly kind: 'nothing' }
  /** The group needs a new primary and can't have one; `why` says what is missing. */
  | { readonly kind: 'wait'; readonly why: string }
  | { readonly kind: 'fail-over'; readonly request: FailoverRequest; readonly plan: Plan };

export type DetectorInput = {
  readonly snapshot: ClusterSnapshot;
  readonly group: GroupSnapshot;
  /** An exit reported for the epoch in force. */
  readonly exit: ExitNotice | null;
  /** How long ago this leader's own link heard the primary's agent; null: never. */
  readonly heardAgeMs?: number | null;
};

export function decide({ snapshot, group, exit, heardAgeMs = null }: DetectorInput): Decision {
  const { record, leaseRemainingMs } = group;
  if (record.primary === null || leaseRemainingMs === null || record.operation !== null) return { kind: 'nothing' };
  const over = leaseRemainingMs <= 0 || record.leaseReleased;
  const handedOver = exit !== null && exit.decision === 'fail-over' && exit.epoch === record.epoch;
  if (!over && !handedOver) return { kind: 'nothing' };
  const request = failoverRequest(snapshot, group, { exit: handedOver ? exit : null, heardAgeMs });
  const plan = planFailover(request, snapshot, { admin: false });
  if (plan.refusal) return { kind: 'wait', why: plan.refusal.message };
  return { kind: 'fail-over', request, plan };
}

/** A report repeats the last look at its links, which may be this old. */
const linkSampleMs = 1_000;

/**
 * How long ago the old primary certainly could still serve: by its own last report that said so, or, while nothing it said speaks against it, by when
 * any member's link last heard its agent. Null: nothing tells. Never later than the truth, so a pause counted from it is never too short by more than
 * what passes between two signs of life.
 */
export function lastServedAgeMs(group: GroupSnapshot, heardAgeMs: number | null): number | null {
  const primary = primaryOf(group);
  const served = primary?.servedAgeMs ?? null;
  const { report = null, reportAgeMs = null } = primary ?? {};
  const saidOtherwise =
    group.record.leaseReleased || (report !== null && (served === null || served > (reportAgeMs ?? 0) + 1));
  if (saidOtherwise) return served;
  const links = group.members.flatMap((member) => {
    const link = member.report?.links.find((entry) => entry.peer === group.record.primary);
    const heard = link?.lastHeardMs ?? null;
    return heard === null || member.reportAgeMs === null ? [] : [heard + linkSampleMs + member.reportAgeMs];
  });
  const ages = [...links, ...(served === null ? [] : [served]), ...(heardAgeMs === null ? [] : [heardAgeMs])];
  return ages.length === 0 ? null : Math.min(...ages);
}

function failoverRequest(
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  seen: { readonly exit: ExitNotice | null; readonly heardAgeMs: number | null },
): FailoverRequest {
  const { record } = group;
  const { exit } = seen;
  const servedAgeMs = lastServedAgeMs(group, seen.heardAgeMs);
  const lastReportMs = primaryOf(group)?.reportAgeMs ?? seen.heardAgeMs;
  const cause = exit
    ? `PostgreSQL of ${record.primary} died and its agent handed the group over (redo would have taken ${formatMs(exit.redoMs)}).`
    : record.leaseReleased
      ? `${record.primary} gave its lease back.`
      : `The lease of ${record.primary} ran out${lastReportMs === null ? '' : `; last heard ${formatMs(lastReportMs)} ago`}.`;
  const lastServedMs = exit ? Date.parse(exit.at) : servedAgeMs === null ? null : snapshot.atMs - servedAgeMs;
  return {
    kind: 'failover',
    group: record.name,
    mode: 'failover',
    automatic: {
      cause,
      detectedAt: new Date(snapshot.atMs).toISOString(),
      lastServedAt: lastServedMs === null ? null : new Date(Math.min(lastServedMs, snapshot.atMs)).toISOString(),
    },
  };
}

/** How long after a failed automatic change before it is tried again; doubles to the bound. */
export function retryAfterMs(failures: number): number {
  return Math.min(10_000, 500 * 2 ** Math.max(0, failures - 1));
}

export type GroupMemory = { exit: ExitNotice | null; failures: number; notBeforeMs: number; waiting: string | null };

export class GroupMemories {
  readonly #byGroup = new Map<GroupName, GroupMemory>();

  of(name: GroupName): GroupMemory {
    let memory = this.#byGroup.get(name);
    if (!memory) {
      memory = { exit: null, failures: 0, notBeforeMs: 0, waiting: null };
      this.#byGroup.set(name, memory);
    }
    return memory;
  }

  clear(): void {
    this.#byGroup.clear();
  }
}
