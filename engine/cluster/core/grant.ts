/**
 * The group record that a promotion writes, in one compare-and-swap: epoch, holder, first voter set and where the new epoch's history starts.
 * Invariant kept: epochs rise by one; the start position is at or above everything acknowledged before, so a member below it is known to lack it.
 */
import { ClusterError, invariant } from '../../kernel/errors';
import type { NodeId } from '../../kernel/ids';
import { type LsnText, parseLsn } from '../../kernel/lsn';
import type { PromiseReport } from '../commands';
import type { GroupRecord } from '../model';
import { voterSetAfterPromotion } from './voter-set';

export type GrantInput = {
  readonly record: GroupRecord;
  readonly candidate: NodeId;
  /** Everything promised for `record.epoch + 1`, the candidate's own included. */
  readonly promises: readonly PromiseReport[];
  /** Every member of the group. */
  readonly members: readonly NodeId[];
  /** The highest timeline that any member's server was seen on, whoever promoted it. */
  readonly seenTimeline?: number | null;
  /** ISO time, for people. */
  readonly at: string;
};

export function recordAfterGrant(input: GrantInput): GroupRecord {
  const { record, candidate, promises } = input;
  const epoch = record.epoch + 1;
  const own = promises.find((promise) => promise.node === candidate && promise.epoch === epoch);
  if (own === undefined) {
    throw new ClusterError('CONFLICT', `${candidate} has not promised epoch ${epoch}`, {
      clusterCode: 'CLU_STALE_EPOCH',
    });
  }
  /* Only voters go on as voters; others join the ordinary way once they are near. Who has more than the candidate has another history from now on. */
  const promised = promises
    .filter((promise) => promise.epoch === epoch && record.voterSet.members.includes(promise.node))
    .filter((promise) => !isAheadOf(promise, own))
    .map((promise) => promise.node);
  const first = voterSetAfterPromotion({
    mode: record.mode,
    onNoStandby: record.onNoStandby,
    candidate,
    promised,
    others: input.members.filter((node) => node !== candidate),
  });
  /*
   * Above every number ever granted, because a promotion that died may have used one that nobody else has seen. PostgreSQL only avoids numbers
   * whose history file it has: `agent.promote` must make it take this one (see SPEC.md), and `recordAfterPromotion` writes what it really took.
   */
  const timeline = Math.max(record.timeline, own.timeline, input.seenTimeline ?? 0) + 1;
  return {
    ...record,
    ...first,
    epoch,
    primary: candidate,
    leaseReleased: false,
    timeline,
    timelineHistory: [
      ...record.timelineHistory,
      { epoch, timeline, startLsn: own.lsn, primary: candidate, at: input.at, parent: own.timeline },
    ],
  };
}

function isAheadOf(promise: PromiseReport, own: PromiseReport): boolean {
  if (promise.timeline !== own.timeline) return promise.timeline > own.timeline;
  return parseLsn(promise.lsn) > parseLsn(own.lsn);
}

/**
 * The present holder takes the next epoch itself: ends an abandoned failover, so that members that promised have a primary they may follow.
 * Nothing about data changes.
 */
export function recordAfterRegrant(record: GroupRecord): GroupRecord {
  invariant(record.primary !== null, 'a group without a primary has nothing to grant again');
  return { ...record, epoch: record.epoch + 1, leaseReleased: false };
}

/** After read-back: the timeline PostgreSQL really took and where it really forked. */
export function recordAfterPromotion(
  record: GroupRecord,
  measured: { readonly timeline: number; readonly forkLsn: LsnText },
): GroupRecord {
  return {
    ...record,
    timeline: measured.timeline,
    timelineHistory: record.timelineHistory.map((entry, index) =>
      index === record.timelineHistory.length - 1 && entry.primary === record.primary
        ? { ...entry, timeline: measured.timeline, startLsn: measured.forkLsn }
        : entry,
    ),
  };
}
