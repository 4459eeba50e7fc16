/**
 * Whom to promote, from promises: enough of S must have promised, then the most advanced of them (timeline, position), then priority, the old
 * primary's region, load, name. Invariant: the chosen member has every acknowledged write, or the caller gave writes up explicitly (allowDataLoss).
 */
import type { PromiseReport } from '../../cluster/commands';
import { promisesNeeded } from '../../cluster/core/voter-set';
import type { GroupRecord } from '../../cluster/model';
import type { NodeId } from '../../kernel/ids';
import { parseLsn } from '../../kernel/lsn';

export type PromisingMember = {
  readonly id: NodeId;
  readonly priority: number;
  readonly maintenance: boolean;
  readonly region: string;
  readonly cpuPercent: number;
};

export type ChooseInput = {
  readonly record: Pick<GroupRecord, 'voterSet' | 'mode' | 'promotable' | 'timelineHistory' | 'primary'>;
  readonly promises: readonly PromiseReport[];
  readonly members: readonly PromisingMember[];
  readonly primaryRegion: string | null;
  /** Preferred when it is as advanced as the best. */
  readonly target: NodeId | null;
  /** Members that failed to be promoted in this operation. */
  readonly excluded: readonly NodeId[];
  readonly automatic: boolean;
  readonly allowDataLoss: boolean;
  /** Everything up to here was acknowledged or shipped (planned stop); the chosen one must have it. Null: not known. */
  readonly mustReachLsn: string | null;
};

export type Choice =
  | {
      readonly kind: 'chosen';
      readonly node: NodeId;
      readonly lsn: string;
      readonly timeline: number;
      readonly why: string;
    }
  | { readonly kind: 'none'; readonly why: string };

export function enoughPromises(
  record: ChooseInput['record'],
  promises: readonly PromiseReport[],
): { readonly enough: boolean; readonly have: number; readonly needed: number; readonly missing: readonly NodeId[] } {
  const voters = record.voterSet.members;
  const promised = new Set(promises.map((promise) => promise.node));
  const have = voters.filter((id) => promised.has(id)).length;
  const needed = promisesNeeded(record.voterSet);
  return { enough: have >= needed, have, needed, missing: voters.filter((id) => !promised.has(id)) };
}

export function choosePromise(input: ChooseInput): Choice {
  const quorum = enoughPromises(input.record, input.promises);
  const voters = input.record.voterSet.members;
  if (!quorum.enough && !input.allowDataLoss) {
    return {
      kind: 'none',
      why: `${quorum.have} of ${voters.length} voters promised, ${quorum.needed} are needed: ${quorum.missing.join(', ')} missing.`,
    };
  }
  if (input.record.promotable === 'none' && input.mustReachLsn === null && !input.allowDataLoss) {
    return { kind: 'none', why: 'The group is degraded: no standby is known to have all acknowledged writes.' };
  }
  const fit = input.promises.filter((promise) => isFit(input, promise));
  const ranked = [...fit].sort((a, b) => comparePromises(input, a, b));
  const best = ranked[0];
  if (!best) return { kind: 'none', why: 'No member that promised may be promoted.' };
  // The most advanced of all that promised bounds what was acknowledged: a less advanced one would lose it.
  const top = [...input.promises].filter((promise) => !hasDiverged(input, promise)).sort(byPosition)[0] ?? best;
  if (
    !input.allowDataLoss &&
    input.record.mode !== 'asynchronous' &&
    byPosition(best, top) > 0 &&
    !reaches(best, input.mustReachLsn)
  ) {
    return { kind: 'none', why: `${top.node} has more writes than any member that may be promoted.` };
  }
  const wanted = ranked.find((promise) => promise.node === input.target);
  const takesTarget =
    wanted !== undefined &&
    (byPosition(wanted, best) === 0 || reaches(wanted, input.mustReachLsn) || input.allowDataLoss);
  const chosen = takesTarget ? wanted : best;
  const instead =
    input.target !== null && chosen.node !== input.target ? ` (${input.target} is behind or not fit)` : '';
  return {
    kind: 'chosen',
    node: chosen.node,
    lsn: chosen.lsn,
    timeline: chosen.timeline,
    why: `${chosen.node} stands at ${chosen.lsn} on timeline ${chosen.timeline}${instead}; ${input.promises.length} members promised.`,
  };
}

function isFit(input: ChooseInput, promise: PromiseReport): boolean {
  const member = input.members.find((entry) => entry.id === promise.node);
  if (!member || input.excluded.includes(promise.node)) return false;
  if (hasDiverged(input, promise)) return false;
  if (promise.node === input.target) return true;
  return !member.maintenance && (member.priority > 0 || !input.automatic);
}

/** On an older timeline but past the point where the next one began: its writes are on no other member. */
export function hasDiverged(
  input: Pick<ChooseInput, 'record'>,
  position: { readonly timeline: number; readonly lsn: string },
): boolean {
  const next = [...input.record.timelineHistory]
    .filter((entry) => entry.timeline > position.timeline)
    .sort((a, b) => a.timeline - b.timeline)[0];
  return next !== undefined && parseLsn(position.lsn) > parseLsn(next.startLsn);
}

function reaches(promise: PromiseReport, lsn: string | null): boolean {
  return lsn !== null && parseLsn(promise.lsn) >= parseLsn(lsn);
}

function byPosition(a: PromiseReport, b: PromiseReport): number {
  if (a.timeline !== b.timeline) return b.timeline - a.timeline;
  const left = parseLsn(a.lsn);
  const right = parseLsn(b.lsn);
  return left === right ? 0 : left > right ? -1 : 1;
}

function comparePromises(input: ChooseInput, a: PromiseReport, b: PromiseReport): number {
  const position = byPosition(a, b);
  if (position !== 0) return position;
  const left = input.members.find((entry) => entry.id === a.node);
  const right = input.members.find((entry) => entry.id === b.node);
  return (
    (right?.priority ?? 0) - (left?.priority ?? 0) ||
    Number(right?.region === input.primaryRegion) - Number(left?.region === input.primaryRegion) ||
    (left?.cpuPercent ?? 100) - (right?.cpuPercent ?? 100) ||
    (a.node < b.node ? -1 : 1)
  );
}
