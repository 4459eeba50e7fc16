/**
 * Whether a member's data may follow the primary: only if its own WAL ends at or before the point where the primary's history left the common
 * timeline, and nowhere above the primary itself. Pure; how the position is found is in server.ts.
 */
import { formatLsn, type LsnText, parseLsn } from '../kernel/lsn';
import type { ReachedFork } from './api';
import type { TimelineEnd } from './control-data';

export type LocalEnd = {
  readonly timeline: number;
  readonly lsn: LsnText;
  /** Ancestors of `timeline` as this directory knows them, oldest first. */
  readonly history: readonly TimelineEnd[];
};

/**
 * Both histories list ancestors with the position at which each was left. Walking both from timeline 1 upwards finds the last timeline they
 * share and where either left it.
 */
export function compareHistories(
  local: LocalEnd,
  primaryHistory: readonly TimelineEnd[],
  primaryTimeline: number,
  /** Where the primary is, asked after `local` was taken; null: not known. */
  primaryLsn: LsnText | null = null,
): ReachedFork {
  const mine = new Map(local.history.map((end) => [end.timeline, parseLsn(end.forkLsn)]));
  const theirs = new Map(primaryHistory.map((end) => [end.timeline, parseLsn(end.forkLsn)]));
  const localLsn = parseLsn(local.lsn);
  const shared = [...mine.keys(), local.timeline]
    .filter((timeline) => theirs.has(timeline) || timeline === primaryTimeline)
    .sort((a, b) => b - a);
  const common = shared.find((timeline) => sameAncestors(timeline, mine, theirs));
  if (common === undefined) return diverged(localLsn, 0n);
  const leftByThem = theirs.get(common);
  // The primary still is on the common timeline: what we have of it must have come from it.
  if (leftByThem === undefined && common === local.timeline) {
    const theirEnd = primaryLsn === null ? null : parseLsn(primaryLsn);
    return theirEnd === null || localLsn <= theirEnd ? { kind: 'can-follow' } : diverged(localLsn, theirEnd);
  }
  const leftByMe = mine.get(common);
  const fork =
    leftByThem === undefined ? leftByMe! : leftByMe === undefined || leftByThem < leftByMe ? leftByThem : leftByMe;
  if (common === local.timeline && localLsn <= fork) return { kind: 'can-follow' };
  return diverged(localLsn, fork);
}

/** Timeline numbers can be reused on both sides of a split: a timeline is the same one only if its ancestors are. */
function sameAncestors(
  timeline: number,
  mine: ReadonlyMap<number, bigint>,
  theirs: ReadonlyMap<number, bigint>,
): boolean {
  for (const ancestors of [mine, theirs]) {
    for (const ancestor of ancestors.keys()) {
      if (ancestor < timeline && mine.get(ancestor) !== theirs.get(ancestor)) return false;
    }
  }
  return true;
}

function diverged(localLsn: bigint, fork: bigint): ReachedFork {
  const bytes = localLsn > fork ? localLsn - fork : 0n;
  return { kind: 'diverged', localLsn: formatLsn(localLsn), forkLsn: formatLsn(fork), divergentBytes: Number(bytes) };
}
