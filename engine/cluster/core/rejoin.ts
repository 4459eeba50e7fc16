/**
 * How a member comes back: follow as it is, look for its end of WAL in private first, take a base backup, or wait.
 * Invariant kept: a data directory is thrown away only while a healthy primary of a newer epoch is confirmed and there is room for the copy.
 */
import { unreachable } from '../../kernel/errors';
import type { Epoch, NodeId } from '../../kernel/ids';
import type { GroupRecord } from '../model';

export type RejoinInput = {
  readonly data: 'absent' | 'standby' | 'was-primary' | 'unreadable';
  /** The last epoch this node held or tried to take. */
  readonly lastHeldEpoch: Epoch;
  readonly recordEpoch: Epoch;
  /** The record's primary is another node. */
  readonly primaryIsOther: boolean;
  /** It answered with a held lease under the record's epoch, out of recovery. */
  readonly primaryHealthy: boolean;
  readonly promisedEpoch: Epoch;
  /**
   * Was it past the fork? A former primary: after replaying to the end in private. A standby: once it runs, closed; a copy that was made under this
   * very epoch needs no comparison. Null: not compared yet.
   */
  readonly comparison: 'can-follow' | 'diverged' | null;
  /** The primary no longer has the WAL this standby needs. */
  readonly walIsGone: boolean;
  readonly freeBytes: number;
  /** Size of the primary's databases and WAL; null: unknown. */
  readonly neededBytes: number | null;
  /** The operator asked for a fresh copy. */
  readonly reclone: boolean;
};

export type RejoinDecision =
  | { readonly kind: 'follow'; readonly why: string }
  /** A standby's directory: start it without a primary, then compare where its own WAL ends before it follows. */
  | { readonly kind: 'start-closed'; readonly why: string }
  /** Start without conninfo, `max_wal_senders = 0`, private port; replay to the end; compare with the fork point. */
  | { readonly kind: 'compare-in-private'; readonly why: string }
  | { readonly kind: 'base-backup'; readonly deletesData: boolean; readonly why: string }
  | { readonly kind: 'wait'; readonly why: string };

export function decideRejoin(input: RejoinInput): RejoinDecision {
  if (!input.primaryIsOther) return { kind: 'wait', why: 'the record names no other node as primary' };
  if (input.promisedEpoch > input.recordEpoch) {
    return { kind: 'wait', why: `epoch ${input.promisedEpoch} is promised; the record is at ${input.recordEpoch}` };
  }
  if (input.reclone) return copy(input, 'the operator asked for a fresh copy');
  switch (input.data) {
    case 'absent':
      return copy(input, 'there is no data directory');
    case 'unreadable':
      return copy(input, 'the data directory can not be used');
    case 'standby':
    case 'was-primary':
      if (input.comparison === 'diverged') return copy(input, 'it wrote past the fork of the new timeline');
      if (input.comparison === null && input.data === 'was-primary') {
        return input.primaryHealthy
          ? { kind: 'compare-in-private', why: 'it may have written past the fork of the new timeline' }
          : { kind: 'wait', why: 'no healthy primary to compare with' };
      }
      if (input.walIsGone) return copy(input, 'the primary no longer has the WAL it needs');
      /* A diverged standby that streams even for a moment acknowledges commits that it does not have. */
      if (input.comparison === null) {
        return { kind: 'start-closed', why: 'it may have received what the primary never had' };
      }
      return { kind: 'follow', why: 'its history is part of the primary\u2019s' };
    default:
      return unreachable(input.data);
  }
}

/**
 * This node was promoted, died before the others heard of it, and the next one took the same timeline number: the numbers agree, the WAL does not, and
 * no comparison of histories would tell. An epoch that the same primary took again (no new timeline) has no entry of its own: the reign's first counts.
 */
export function timelineWasReused(input: {
  readonly node: NodeId;
  readonly lastHeldEpoch: Epoch;
  readonly record: Pick<GroupRecord, 'epoch' | 'timelineHistory'>;
  readonly primaryTimeline: number;
}): boolean {
  const { node, lastHeldEpoch, record } = input;
  if (lastHeldEpoch >= record.epoch) return false;
  const reign = record.timelineHistory.findLast((entry) => entry.epoch <= lastHeldEpoch);
  return reign?.primary === node && reign.timeline >= input.primaryTimeline;
}

function copy(input: RejoinInput, why: string): RejoinDecision {
  if (!input.primaryHealthy) return { kind: 'wait', why: `${why}; no healthy primary to copy from` };
  const deletesData = input.data !== 'absent';
  /* Equal is an attempt that lost: epochs are unique, and this one has another holder. Higher means the record here is old. */
  if (deletesData && input.lastHeldEpoch > input.recordEpoch) {
    return { kind: 'wait', why: `${why}; the primary is not of a newer epoch than this node's own` };
  }
  if (input.neededBytes !== null && input.freeBytes < input.neededBytes) {
    return { kind: 'wait', why: `${why}; ${input.neededBytes} bytes are needed, ${input.freeBytes} are free` };
  }
  return { kind: 'base-backup', deletesData, why };
}
