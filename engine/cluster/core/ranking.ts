/**
 * Who may be promoted, in which order, and every reason against each. The same function answers a preview and chooses during execution, so the
 * two can't differ.
 *
 * Invariants kept: in the synchronous modes nobody is eligible who is not proved to hold everything that was acknowledged (voter, enough promises,
 * the most advanced of those that promised, not behind the start of the current epoch), unless an admin gave data up; a diverged member is never eligible, whatever its LSN.
 */

import type { NodeId } from '../../kernel/ids';
import type { Lsn, LsnText } from '../../kernel/lsn';
import { formatLsn, parseLsn } from '../../kernel/lsn';
import type { Candidate, Check } from '../../operations/model';
import type { PromiseReport } from '../commands';
import type { GroupRecord, PostgresState } from '../model';
import { promisesNeeded } from './voter-set';

export type Member = {
  readonly node: NodeId;
  readonly region: string;
  readonly priority: number;
  readonly maintenance: boolean;
  readonly wanted: 'running' | 'stopped';
  /** Since its last report; null: never heard. */
  readonly reportAgeMs: number | null;
  readonly postgresState: PostgresState | null;
  readonly timeline: number | null;
  /** greatest(receive, replay), or the promise's position once it promised. */
  readonly lsn: LsnText | null;
  readonly replayPaused: boolean;
  /** Failover slots of the group without a ready copy here; absent: the group has none, or nobody told. */
  readonly slotsMissing?: readonly string[];
  /** 0…100; ranks last. */
  readonly loadPercent: number;
};

export type RankingInput = {
  readonly record: Pick<
    GroupRecord,
    'mode' | 'epoch' | 'primary' | 'voterSet' | 'promotable' | 'timeline' | 'timelineHistory'
  >;
  /** Every member of the group, the present primary included. */
  readonly members: readonly Member[];
  /** What was promised for epoch `record.epoch + 1`; null: not asked yet (a preview). */
  readonly promises: readonly PromiseReport[] | null;
  /** `switchover`: the primary ships everything before it stops, so lag costs time, not data. */
  readonly purpose: 'switchover' | 'failover';
  /** Nobody decided by hand: priority 0 and maintenance forbid. */
  readonly automatic: boolean;
  readonly allowDataLoss: boolean;
  /** An admin lets consumers of slots start over: only a planned change asks. */
  readonly allowSlotLoss?: boolean;
  /** An operator's choice: only this node is eligible. */
  readonly target?: NodeId | null;
  /** Where the last primary was: nearer is preferred. */
  readonly preferredRegion: string | null;
  /** Best known position of the primary, for lag; null: unknown. */
  readonly primaryLsn: LsnText | null;
  readonly maximumLagBytes: number;
  /** A report older than this counts as silence. */
  readonly staleAfterMs: number;
};

/** Whether a rule forbids, and what it says. */
type Rule = (member: Member, input: RankingInput, best: Position | null) => Check | null;

type Position = { readonly timeline: number; readonly lsn: Lsn };

/** Enough members of S have promised? One check for the whole group; always ok where the mode proves nothing. */
export function promiseCheck(input: Pick<RankingInput, 'record' | 'promises' | 'allowDataLoss'>): Check {
  const { record, promises } = input;
  const needed = record.mode === 'asynchronous' ? 0 : promisesNeeded(record.voterSet);
  const got = (promises ?? []).filter((promise) => countsAsPromise(input, promise)).length;
  // A degraded group's set stands in the record until the primary no longer waits for it: nobody on it proves anything any more.
  const proved = record.mode === 'asynchronous' || (needed > 0 && record.promotable === 'voters');
  const ok = proved && (promises === null || got >= needed);
  return {
    rule: 'enough-promises',
    node: null,
    ok: ok || input.allowDataLoss,
    severity: ok ? 'info' : input.allowDataLoss ? 'warning' : 'blocker',
    measured: promises === null ? 'not asked yet' : `${got} promised`,
    limit: proved
      ? `${needed} of ${record.voterSet.members.length} voters`
      : 'a group with voters that is not degraded',
    remedy: ok ? null : 'Bring a voter back, or let an admin give allow_data_loss.',
  };
}

export function countsAsPromise(input: Pick<RankingInput, 'record'>, promise: PromiseReport): boolean {
  const { record } = input;
  if (promise.epoch !== record.epoch + 1 || !record.voterSet.members.includes(promise.node)) return false;
  // Where it left the group's history it may have been ahead of everybody: its position tells nothing of what it acknowledged.
  return !wasNeverGranted(promise.timeline, record);
}

/**
 * A timeline above the record's: somebody promoted that server by hand. Whoever follows a primary began only once the primary's timeline stood in the
 * record (`fork-check.ts`), so nobody else is on such a one.
 */
export function wasNeverGranted(
  timeline: number | null,
  record: Pick<GroupRecord, 'timeline' | 'timelineHistory'>,
): boolean {
  return timeline !== null && record.timelineHistory.length > 0 && timeline > record.timeline;
}

/** Promotion proves by promises alone that the old primary can't acknowledge; otherwise the old lease must have run out. */
export function mustWaitForLease(
  input: Pick<RankingInput, 'record' | 'promises' | 'allowDataLoss'> & {
    readonly failoverWait: GroupRecord['failoverWait'];
  },
): boolean {
  if (input.failoverWait === 'lease' || input.record.mode === 'asynchronous') return true;
  if (input.promises === null) return true;
  const needed = promisesNeeded(input.record.voterSet);
  const got = input.promises.filter((promise) => countsAsPromise(input, promise)).length;
  return input.record.promotable !== 'voters' || needed === 0 || got < needed;
}

/** Best first, then those that are not eligible; each with all its checks. */
export function rankCandidates(input: RankingInput): readonly Candidate[] {
  const members = input.members.map((member) => withPromise(member, input));
  const best = mostAdvanced(members, input);
  const judged = members.map((member) => {
    const checks = rules.map((rule) => rule(member, input, best)).filter((check) => check !== null);
    return { member, checks, eligible: checks.every((check) => check.severity !== 'blocker') };
  });
  const ranked = judged.filter((one) => one.eligible).sort((a, b) => prefer(a.member, b.member, input));
  const rest = judged.filter((one) => !one.eligible).sort((a, b) => a.member.node.localeCompare(b.member.node));
  return [...ranked, ...rest].map(({ member, checks, eligible }) => ({
    node: member.node,
    eligible,
    rank: eligible ? ranked.findIndex((one) => one.member === member) + 1 : null,
    lagBytes: lagOf(member, input),
    checks,
  }));
}

/** A promise is exact (nothing arrives any more); a heartbeat report is not. */
function withPromise(member: Member, input: RankingInput): Member {
  const promise = promiseOf(member.node, input);
  if (promise === null) return member;
  return { ...member, lsn: promise.lsn, timeline: promise.timeline };
}

function promiseOf(node: NodeId, input: RankingInput): PromiseReport | null {
  return input.promises?.find((one) => one.node === node && one.epoch === input.record.epoch + 1) ?? null;
}

function positionOf(member: Member): Position | null {
  if (member.timeline === null || member.lsn === null) return null;
  return { timeline: member.timeline, lsn: parseLsn(member.lsn) };
}

/** Timeline first: whoever followed the newer one has all of the older up to the fork. */
function comparePositions(a: Position, b: Position): number {
  if (a.timeline !== b.timeline) return a.timeline - b.timeline;
  return a.lsn < b.lsn ? -1 : a.lsn > b.lsn ? 1 : 0;
}

function mostAdvanced(members: readonly Member[], input: RankingInput): Position | null {
  let best: Position | null = null;
  for (const member of members) {
    if (member.node === input.record.primary || divergence(member, input) !== null) continue;
    if (wasNeverGranted(member.timeline, input.record)) continue;
    /* What only non-voters have was never acknowledged in a synchronous mode. */
    const proves = input.record.mode === 'asynchronous' || input.record.voterSet.members.includes(member.node);
    if (!proves && !input.allowDataLoss) continue;
    if (input.promises !== null && promiseOf(member.node, input) === null) continue;
    const position = positionOf(member);
    if (position !== null && (best === null || comparePositions(position, best) > 0)) best = position;
  }
  return best;
}

/**
 * Where the member left the current epoch's history; null: it did not. A timeline that is no ancestor (its primary died before anyone followed)
 * counts as left at its start, whatever the LSN.
 */
export function divergence(
  member: Pick<Member, 'timeline' | 'lsn'>,
  input: { readonly record: Pick<GroupRecord, 'timeline' | 'timelineHistory'> },
): { readonly forkLsn: LsnText; readonly timeline: number } | null {
  const { timeline, lsn } = member;
  if (timeline === null || lsn === null || timeline >= input.record.timeline) return null;
  const history = input.record.timelineHistory;
  let entry = entryOf(history, input.record.timeline);
  while (entry !== undefined) {
    const parent = parentOf(history, entry);
    if (parent === timeline) {
      return parseLsn(lsn) > parseLsn(entry.startLsn) ? { forkLsn: entry.startLsn, timeline: entry.timeline } : null;
    }
    entry = parent > timeline ? entryOf(history, parent) : undefined;
  }
  const own = entryOf(history, timeline);
  return own === undefined ? null : { forkLsn: own.startLsn, timeline };
}

type HistoryEntry = GroupRecord['timelineHistory'][number];

function entryOf(history: readonly HistoryEntry[], timeline: number): HistoryEntry | undefined {
  return history.findLast((entry) => entry.timeline === timeline);
}

function parentOf(history: readonly HistoryEntry[], entry: HistoryEntry): number {
  if (entry.parent !== undefined) return entry.parent;
  const older = history.filter((one) => one.timeline < entry.timeline).map((one) => one.timeline);
  return older.length > 0 ? Math.max(...older) : entry.timeline - 1;
}

/** Start of the current epoch's timeline: everything acknowledged before it lies at or below. */
function epochStart(input: RankingInput): Position | null {
  const entry = input.record.timelineHistory.find((one) => one.timeline === input.record.timeline);
  return entry === undefined ? null : { timeline: entry.timeline, lsn: parseLsn(entry.startLsn) };
}

function lagOf(member: Member, input: RankingInput): number | null {
  if (member.lsn === null || input.primaryLsn === null) return null;
  const lag = parseLsn(input.primaryLsn) - parseLsn(member.lsn);
  return lag <= 0n ? 0 : Number(lag);
}

function check(rule: string, node: NodeId, ok: boolean, rest: Partial<Check>): Check {
  return {
    rule,
    node,
    ok,
    severity: ok ? 'info' : 'blocker',
    measured: null,
    limit: null,
    remedy: null,
    ...rest,
    ...(ok ? { remedy: null } : {}),
  };
}

/** Forbids unless data may be given up; then it warns. */
function proof(rule: string, node: NodeId, ok: boolean, input: RankingInput, rest: Partial<Check>): Check {
  return check(rule, node, ok, { ...(ok ? {} : { severity: input.allowDataLoss ? 'warning' : 'blocker' }), ...rest });
}

const rules: readonly Rule[] = [
  (member, input) =>
    member.node === input.record.primary
      ? check('is-not-the-primary', member.node, false, { measured: 'primary', remedy: 'Choose a standby.' })
      : null,
  (member, input) =>
    input.target == null
      ? null
      : check('chosen-target', member.node, member.node === input.target, {
          measured: member.node,
          limit: input.target,
          remedy: 'Leave the target open to let the most advanced standby be chosen.',
        }),
  (member, input) =>
    check('node-answers', member.node, member.reportAgeMs !== null && member.reportAgeMs <= input.staleAfterMs, {
      measured: member.reportAgeMs === null ? 'never heard' : `${Math.round(member.reportAgeMs)} ms`,
      limit: `≤ ${input.staleAfterMs} ms`,
      remedy: 'Start the node or repair its network.',
    }),
  (member) =>
    check('postgresql-is-a-standby', member.node, member.postgresState === 'standby', {
      measured: member.postgresState ?? 'unknown',
      limit: 'standby',
      remedy: 'Wait until the server has started as a standby.',
    }),
  (member) =>
    check('not-stopped-by-hand', member.node, member.wanted === 'running', {
      measured: member.wanted,
      limit: 'running',
      remedy: 'Start the node.',
    }),
  (member, input) =>
    check('not-in-maintenance', member.node, !member.maintenance, {
      severity: member.maintenance ? (input.automatic ? 'blocker' : 'warning') : 'info',
      measured: member.maintenance ? 'maintenance' : 'in service',
      limit: 'in service',
      remedy: 'End the maintenance of the node.',
    }),
  (member, input) =>
    check('priority', member.node, member.priority > 0, {
      severity: member.priority > 0 ? 'info' : input.automatic ? 'blocker' : 'warning',
      measured: String(member.priority),
      limit: '> 0 for an automatic promotion',
      remedy: 'Raise the priority, or choose the node by hand.',
    }),
  (member, input) => {
    if (member.timeline === null || member.lsn === null) {
      return check('timeline-is-ancestor', member.node, false, {
        measured: 'unknown',
        limit: `timeline ${input.record.timeline}`,
        remedy: 'Wait until the node has reported its position.',
      });
    }
    if (wasNeverGranted(member.timeline, input.record)) {
      return check('timeline-is-ancestor', member.node, false, {
        measured: `timeline ${member.timeline}, which the group never granted`,
        limit: `timeline ${input.record.timeline}`,
        remedy: 'Somebody promoted the node by hand; let it rejoin by a new base backup.',
      });
    }
    const left = divergence(member, input);
    return check('timeline-is-ancestor', member.node, left === null, {
      measured: `timeline ${member.timeline} at ${member.lsn}`,
      limit:
        left === null ? `timeline ${input.record.timeline}` : `${left.forkLsn} (start of timeline ${left.timeline})`,
      remedy: 'The node has written its own history; let it rejoin by a new base backup.',
    });
  },
  (member, input) =>
    input.record.mode === 'asynchronous'
      ? null
      : proof('is-a-voter', member.node, input.record.voterSet.members.includes(member.node), input, {
          measured: input.record.voterSet.members.includes(member.node) ? 'voter' : 'not a voter',
          limit: input.record.voterSet.members.join(', ') || 'none',
          remedy: 'Wait until the node counts as voter, or let an admin give allow_data_loss.',
        }),
  (member, input) =>
    input.record.mode === 'asynchronous'
      ? null
      : proof('group-is-promotable', member.node, input.record.promotable === 'voters', input, {
          measured: input.record.promotable,
          limit: 'voters',
          remedy: 'The group is degraded: bring a standby back, or let an admin give allow_data_loss.',
        }),
  (member, input) => {
    if (input.promises === null) return null;
    const promise = promiseOf(member.node, input);
    return check('has-promised', member.node, promise !== null, {
      measured: promise === null ? 'no promise' : `promised epoch ${promise.epoch}`,
      limit: `epoch ${input.record.epoch + 1}`,
      remedy: 'The node did not answer or refused; see its reason.',
    });
  },
  (member, input) => {
    const start = epochStart(input);
    const position = positionOf(member);
    if (start === null || position === null || position.timeline >= start.timeline) return null;
    const ok = position.lsn >= start.lsn;
    if (input.purpose === 'switchover' || input.record.mode === 'asynchronous') return null;
    return proof('has-the-start-of-the-epoch', member.node, ok, input, {
      measured: formatLsn(position.lsn),
      limit: `≥ ${formatLsn(start.lsn)}`,
      remedy: 'It lacks what was acknowledged before the last change of primary; wait for a member that has it.',
    });
  },
  (member, input, best) => {
    const position = positionOf(member);
    if (best === null || position === null) return null;
    const ok = comparePositions(position, best) >= 0;
    if (input.purpose === 'switchover') return null;
    return proof('most-advanced', member.node, ok, input, {
      measured: member.lsn,
      limit: `${formatLsn(best.lsn)} on timeline ${best.timeline}`,
      remedy: 'Another standby has more; promote that one.',
    });
  },
  (member, input) => {
    const lagBytes = lagOf(member, input);
    const ok = lagBytes !== null && lagBytes <= input.maximumLagBytes;
    const matters = input.purpose === 'switchover' || input.record.mode === 'asynchronous';
    if (lagBytes === null && input.purpose === 'failover') return null;
    return check('replication-lag', member.node, ok, {
      severity: ok ? 'info' : matters && !input.allowDataLoss ? 'blocker' : 'warning',
      measured: lagBytes === null ? 'unknown' : `${lagBytes} bytes`,
      limit: `≤ ${input.maximumLagBytes} bytes`,
      remedy: 'Wait until the standby has caught up.',
    });
  },
  (member, input) => {
    const missing = member.slotsMissing;
    if (missing === undefined) return null;
    // What was acknowledged goes before what consumers have read: an unplanned change only prefers who has the copies.
    const forbids = input.purpose === 'switchover' && input.allowSlotLoss !== true;
    const one = missing.length === 1;
    return check('holds-slot-copies', member.node, missing.length === 0, {
      ...(missing.length === 0 ? {} : { severity: forbids ? 'blocker' : 'warning' }),
      measured: missing.length === 0 ? 'all' : `no ready copy of ${missing.join(', ')}`,
      limit: 'a ready copy of each failover slot',
      remedy: `${member.node} has no ready copy of ${missing.join(', ')}: wait until the ${one ? 'consumer has' : 'consumers have'} moved on, which makes the ${one ? 'copy' : 'copies'} ready, drop the ${one ? 'slot' : 'slots'}, or let an admin give allow_slot_loss.`,
    });
  },
  (member) =>
    member.replayPaused
      ? check('replay-runs', member.node, false, {
          measured: 'paused',
          limit: 'running',
          remedy: 'Resume replay on the node.',
        })
      : null,
];

/** Failover: data first. Switchover: everyone eligible will have everything, so wishes first and lag last. Among equals whoever holds the copies of slots. */
function prefer(a: Member, b: Member, input: RankingInput): number {
  const byData = byPosition(b, a);
  if (input.purpose === 'failover' && byData !== 0) return byData;
  const bySlots = (a.slotsMissing?.length ?? 0) - (b.slotsMissing?.length ?? 0);
  if (bySlots !== 0) return bySlots;
  const byWish =
    b.priority - a.priority ||
    Number(b.region === input.preferredRegion) - Number(a.region === input.preferredRegion) ||
    a.loadPercent - b.loadPercent;
  return byWish || byData || a.node.localeCompare(b.node);
}

function byPosition(a: Member, b: Member): number {
  const left = positionOf(a);
  const right = positionOf(b);
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  return comparePositions(left, right);
}
