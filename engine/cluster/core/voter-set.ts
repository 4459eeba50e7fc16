/**
 * Which standbys' acknowledgement counts, in the store (S, k) and in PostgreSQL (names P, kp), and the next safe step from one set to another.
 * The model is Patroni's quorum commit (patroni/quorum.py); ours re-derives every step from (store, PostgreSQL) alone, so whoever resumes
 * after a crash between two steps goes on correctly.
 *
 * Invariant kept while `promotable` is `voters`: any |S| − k + 1 members of S (a promise quorum) intersect any kp members of P (an
 * acknowledgement quorum), now and for everything acknowledged before. First half: kp ≥ k + |P \ S|. Second half: the store gives up a member
 * or raises k only after a quorum of the new set has flushed a position taken once the new PostgreSQL setting was in force.
 */
import type { CommitMode, GroupRecord } from '../../cluster/model';
import type { NodeId } from '../../kernel/ids';
import type { Lsn } from '../../kernel/lsn';

export type VoterSet = { readonly members: readonly NodeId[]; readonly k: number };

export type StandbyObservation = {
  readonly node: NodeId;
  /** Its walsender is in state `streaming`. */
  readonly streaming: boolean;
  /** From pg_stat_replication; null: unknown. */
  readonly flushLsn: Lsn | null;
  /** Since its last reply, or since this primary began to serve, whichever is shorter. */
  readonly silentMs: number;
  /** By wish: maintenance, to be removed, stopped by hand, or not among the standbys the operator configured. */
  readonly excluded: boolean;
};

export type VoterSetInput = {
  readonly mode: CommitMode;
  /** The mode that was asked for; absent or null: `mode`. */
  readonly wantedMode?: CommitMode | null;
  readonly onNoStandby: GroupRecord['onNoStandby'];
  readonly leaseMs: number;
  readonly record: {
    readonly members: readonly NodeId[];
    readonly k: number;
    readonly promotable: GroupRecord['promotable'];
  };
  /** `synchronous_standby_names` as every backend and walsender sees it; null: not known (then nothing is done). */
  readonly postgres: VoterSet | null;
  /** Every other member of the group. */
  readonly standbys: readonly StandbyObservation[];
  /** Read after the standbys' positions, so that a standby of this history is never above it. */
  readonly currentLsn: Lsn | null;
  /**
   * A position taken *after* this PostgreSQL setting was confirmed in force; null: none yet. Whoever executes forgets it at every
   * `set-postgres` (the same setting may come back after another was in force), at every new epoch and at every restart.
   */
  readonly barrier: { readonly postgres: VoterSet; readonly lsn: Lsn } | null;
  /** An operation is moving the group's primary: the set stays as it is. */
  readonly frozen?: boolean;
  /** A standby at most this far behind may become a voter. Default 16 MiB. */
  readonly joinLagBytes?: number;
};

export type VoterSetAction =
  /** Store and PostgreSQL are as wanted. */
  | { readonly kind: 'settled'; readonly why: string }
  /** Nothing can be done now; writes may be blocked (`blocked`). */
  | { readonly kind: 'wait'; readonly blocked: boolean; readonly why: string }
  /** Compare-and-swap on the group record (same epoch, same revision as observed). */
  | {
      readonly kind: 'write-store';
      readonly voterSet: VoterSet;
      readonly promotable: GroupRecord['promotable'];
      /** The mode whose rules hold from this write on; absent: it stays. */
      readonly mode?: CommitMode;
      readonly why: string;
    }
  /**
   * Set and reload, then read back until no walsender counts under the old setting. Only on a record read through the store's leader just
   * before; after an own set write of unknown outcome write the record unchanged first, so that the lost write can no longer apply.
   */
  | { readonly kind: 'set-postgres'; readonly voterSet: VoterSet; readonly why: string }
  /** Remember (setting in force, pg_current_wal_lsn() read after it). */
  | { readonly kind: 'take-barrier'; readonly why: string }
  | {
      readonly kind: 'wait-for-flush';
      readonly lsn: Lsn;
      readonly members: readonly NodeId[];
      readonly needed: number;
      readonly why: string;
    };

/** In the synchronous modes no server is ever without a list, but the primary of a group that degraded openly. */
export function commitsWait(record: Pick<GroupRecord, 'mode'>): boolean {
  return record.mode !== 'asynchronous';
}

/** PostgreSQL's list when nobody can be on it: nothing is acknowledged, so it covers whatever the store promises. */
export const closedSet: VoterSet = { members: ['rustydb_nobody'], k: 1 };

/** Stands for a list that someone wrote by hand: whose acknowledgement it takes is not known. */
export const strangers: VoterSet = { members: ['(set by hand)'], k: 1 };

const defaultJoinLagBytes = 16 * 1024 * 1024;

/** How many members of S must have promised before one of them may be promoted. 0: no set, a promotion proves nothing. */
export function promisesNeeded(set: VoterSet): number {
  if (set.members.length === 0) return 0;
  return set.members.length - set.k + 1;
}

/** k for a set of this size: all of them, one, or none. */
export function wantedK(mode: CommitMode, size: number): number {
  if (mode === 'asynchronous' || size === 0) return 0;
  return mode === 'synchronous' ? size : 1;
}

export function sameSet(a: VoterSet, b: VoterSet): boolean {
  if (a.members.length === 0 && b.members.length === 0) return true;
  return a.k === b.k && a.members.length === b.members.length && a.members.every((node) => b.members.includes(node));
}

/** Any promise quorum of the store's set intersects any acknowledgement quorum of PostgreSQL's. */
export function quorumsIntersect(store: VoterSet, postgres: VoterSet): boolean {
  if (store.members.length === 0 || postgres.members.length === 0) return false;
  if (store.k < 1) return false;
  if (sameSet(postgres, closedSet)) return true;
  const strangers = postgres.members.filter((node) => !store.members.includes(node)).length;
  return postgres.k >= store.k + strangers;
}

/** Members whose confirmation lets a primary go on without a control majority (A13): the voters; where there is no set, everybody else. */
export function failSafeMembers(
  record: Pick<GroupRecord, 'mode' | 'promotable' | 'voterSet'>,
  others: readonly NodeId[],
  /** Set written by a transaction of ours whose outcome is unknown. */
  unconfirmed: VoterSet | null = null,
): readonly NodeId[] {
  const bySet = record.mode !== 'asynchronous' && record.promotable === 'voters' && record.voterSet.members.length > 0;
  if (!bySet) return others;
  return sorted([...record.voterSet.members, ...(unconfirmed?.members ?? [])]);
}

/** What a promotion writes as the new primary's first set: who promised, without it; nobody and `degrade` means open degradation. */
export function voterSetAfterPromotion(input: {
  readonly mode: CommitMode;
  readonly onNoStandby: GroupRecord['onNoStandby'];
  readonly candidate: NodeId;
  /** Members that promised this epoch and answer. */
  readonly promised: readonly NodeId[];
  /** Every other member of the group, the old primary included: who a group that must wait waits for. */
  readonly others: readonly NodeId[];
}): { readonly voterSet: VoterSet; readonly promotable: GroupRecord['promotable'] } {
  if (input.mode === 'asynchronous') return { voterSet: { members: [], k: 0 }, promotable: 'voters' };
  const members = sorted(input.promised.filter((node) => node !== input.candidate));
  if (members.length > 0) {
    return { voterSet: { members, k: wantedK(input.mode, members.length) }, promotable: 'voters' };
  }
  if (mayDegrade(input)) return { voterSet: { members: [], k: 0 }, promotable: 'none' };
  const awaited = sorted(input.others.filter((node) => node !== input.candidate));
  return { voterSet: { members: awaited, k: awaited.length === 0 ? 0 : 1 }, promotable: 'none' };
}

/**
 * A voter whose data directory is gone (new incarnation) has also lost its promise. Before it promises or follows again it writes this
 * itself, by compare-and-swap: it then counts for nothing, and a grant that relied on its old promise fails. Safe beside any PostgreSQL setting:
 * taking one member and one of k leaves every quorum intersection as it was. Null: nothing to write.
 */
export function withoutLostVoter(
  record: { readonly voterSet: VoterSet; readonly promotable: GroupRecord['promotable'] },
  node: NodeId,
): { readonly voterSet: VoterSet; readonly promotable: GroupRecord['promotable'] } | null {
  const { members, k } = record.voterSet;
  if (!members.includes(node) || record.promotable === 'none') return null;
  if (k <= 1) return { voterSet: record.voterSet, promotable: 'none' };
  return { voterSet: { members: members.filter((one) => one !== node), k: k - 1 }, promotable: 'voters' };
}

export function nextVoterSetAction(input: VoterSetInput): VoterSetAction {
  if (input.frozen) return { kind: 'wait', blocked: false, why: 'an operation owns the group' };
  if (input.postgres === null) return { kind: 'wait', blocked: false, why: 'the PostgreSQL setting is not known yet' };
  const known = { ...input, postgres: input.postgres };
  const wanted = input.wantedMode ?? input.mode;
  if (wanted !== input.mode) return towardsMode(known, wanted);
  if (input.mode === 'asynchronous') return towardsAsynchronous(known);
  const target = wantedMembers(input);
  if (input.record.promotable === 'none') {
    return target.length > 0 ? recover(known, target) : withoutStandby(known);
  }
  if (!quorumsIntersect(input.record, known.postgres)) {
    return {
      kind: 'write-store',
      voterSet: setOf(input.record),
      promotable: 'none',
      why: 'what PostgreSQL waits for does not cover the voter set',
    };
  }
  return target.length > 0 ? towards(known, target) : withoutStandby(known);
}

type Known = VoterSetInput & { readonly postgres: VoterSet };

function setOf(set: VoterSet): VoterSet {
  return { members: set.members, k: set.k };
}

function sorted(nodes: readonly NodeId[]): readonly NodeId[] {
  return [...new Set(nodes)].sort();
}

function mayDegrade(input: Pick<VoterSetInput, 'mode' | 'onNoStandby'>): boolean {
  return input.mode === 'semi_synchronous' && input.onNoStandby === 'degrade';
}

/** What is done when no standby is left, which is not always what was wished: `synchronous` waits, `asynchronous` never does. */
export function actsWithoutStandby(record: Pick<GroupRecord, 'mode' | 'onNoStandby'>): GroupRecord['onNoStandby'] {
  return record.mode === 'asynchronous' || mayDegrade(record) ? 'degrade' : 'wait';
}

/** A voter stays while it is wanted and not silent; a standby joins once it streams and is nearly caught up. */
function wantedMembers(input: VoterSetInput): readonly NodeId[] {
  const mayStay = input.record.promotable === 'voters';
  return sorted(
    input.standbys
      .filter((standby) => {
        if (standby.excluded || standby.silentMs > input.leaseMs || isAhead(standby, input)) return false;
        if (mayStay && input.record.members.includes(standby.node)) return true;
        return standby.streaming && isNear(standby, input);
      })
      .map((standby) => standby.node),
  );
}

/** It says that it flushed what this primary has not written: it has another history, and its word is no acknowledgement. */
function isAhead(standby: StandbyObservation, input: VoterSetInput): boolean {
  return standby.flushLsn !== null && input.currentLsn !== null && standby.flushLsn > input.currentLsn;
}

function isNear(standby: StandbyObservation, input: VoterSetInput): boolean {
  if (standby.flushLsn === null || input.currentLsn === null) return false;
  return input.currentLsn - standby.flushLsn <= BigInt(input.joinLagBytes ?? defaultJoinLagBytes);
}

/** The steady path: additions and a lower k go to the store first, removals and a higher k to PostgreSQL first. */
function towards(input: Known, target: readonly NodeId[]): VoterSetAction {
  const { record } = input;
  const goal: VoterSet = { members: target, k: wantedK(input.mode, target.length) };
  const joining = target.filter((node) => !record.members.includes(node));
  const safeK = Math.min(record.k, goal.k);
  if (joining.length > 0 || safeK < record.k) {
    return {
      kind: 'write-store',
      voterSet: { members: sorted([...record.members, ...joining]), k: safeK },
      promotable: 'voters',
      why:
        joining.length > 0 ? `${joining.join(', ')} will count as voter` : `${safeK} acknowledgements will be enough`,
    };
  }
  if (!sameSet(input.postgres, goal)) {
    return { kind: 'set-postgres', voterSet: goal, why: `commits wait for ${describe(goal)}` };
  }
  if (sameSet(record, goal)) return { kind: 'settled', why: `commits wait for ${describe(goal)}` };
  return afterBarrier(input, goal);
}

/** From degraded (or never established): nobody may be promoted until the whole path is done. */
function recover(input: Known, target: readonly NodeId[]): VoterSetAction {
  const goal: VoterSet = { members: target, k: wantedK(input.mode, target.length) };
  if (!sameSet(input.record, goal)) {
    return { kind: 'write-store', voterSet: goal, promotable: 'none', why: `${target.join(', ')} caught up` };
  }
  if (!sameSet(input.postgres, goal)) {
    return { kind: 'set-postgres', voterSet: goal, why: `commits wait for ${describe(goal)} again` };
  }
  return afterBarrier(input, goal);
}

/** Everything acknowledged under earlier settings must be with a quorum of the goal before the store relies on it. */
function afterBarrier(input: Known, goal: VoterSet): VoterSetAction {
  const { barrier } = input;
  if (barrier === null || !sameSet(barrier.postgres, input.postgres)) {
    return { kind: 'take-barrier', why: 'what was acknowledged so far must be with the new voters' };
  }
  const flushed = input.standbys.filter(
    (standby) => goal.members.includes(standby.node) && standby.flushLsn !== null && standby.flushLsn >= barrier.lsn,
  ).length;
  if (flushed < goal.k) {
    return {
      kind: 'wait-for-flush',
      lsn: barrier.lsn,
      members: goal.members,
      needed: goal.k,
      why: `${flushed} of ${goal.k} voters have flushed what was acknowledged so far`,
    };
  }
  return { kind: 'write-store', voterSet: goal, promotable: 'voters', why: `the voters are ${describe(goal)}` };
}

/** No voter left: degrade openly (commit `none` first, then empty the list), or block writes and say so. */
function withoutStandby(input: Known): VoterSetAction {
  const { record, postgres } = input;
  const nobody: VoterSet = { members: [], k: 0 };
  if (mayDegrade(input)) {
    if (record.promotable === 'voters') {
      return {
        kind: 'write-store',
        voterSet: setOf(record),
        promotable: 'none',
        why: 'no voter answers; the group degrades',
      };
    }
    if (postgres.members.length > 0) {
      return { kind: 'set-postgres', voterSet: nobody, why: 'commits no longer wait for a standby' };
    }
    if (record.members.length > 0) {
      return { kind: 'write-store', voterSet: nobody, promotable: 'none', why: 'the group is degraded' };
    }
    return { kind: 'settled', why: 'degraded: no standby is near enough; no automatic promotion' };
  }
  const others = sorted(input.standbys.filter((standby) => !standby.excluded).map((standby) => standby.node));
  const members = record.members.length > 0 ? record.members : others;
  const awaited: VoterSet = {
    members,
    k: record.members.length > 0 ? Math.max(1, record.k) : wantedK(input.mode, members.length),
  };
  if (members.length === 0) return { kind: 'wait', blocked: false, why: 'the group has no standby to wait for' };
  if (!sameSet(record, awaited)) {
    return { kind: 'write-store', voterSet: awaited, promotable: 'none', why: 'writes will wait for a standby' };
  }
  const isClosed = sameSet(postgres, closedSet);
  const covered =
    record.promotable === 'voters' && !isClosed ? quorumsIntersect(record, postgres) : sameSet(postgres, awaited);
  if (!covered) return { kind: 'set-postgres', voterSet: awaited, why: 'writes wait for a standby' };
  return { kind: 'wait', blocked: true, why: `writes wait: none of ${members.join(', ')} answers` };
}

/** Nothing is promised about losses any more: the store lets go first, so it never claims a set that PostgreSQL does not wait for. */
function towardsAsynchronous(input: Known): VoterSetAction {
  const nobody: VoterSet = { members: [], k: 0 };
  if (input.record.members.length > 0 || input.record.promotable !== 'voters') {
    return { kind: 'write-store', voterSet: nobody, promotable: 'voters', why: 'commits will wait for nobody' };
  }
  if (input.postgres.members.length > 0) {
    return { kind: 'set-postgres', voterSet: nobody, why: 'commits wait for nobody' };
  }
  return { kind: 'settled', why: 'commits wait for nobody' };
}

/**
 * Another mode was asked for. Its rules hold for promotions from the write that names it, and this holder alone writes it: towards `asynchronous`
 * together with an empty set, away from it only once PostgreSQL waits for the new set and that set has everything acknowledged so far.
 */
function towardsMode(input: Known, wanted: CommitMode): VoterSetAction {
  const { record } = input;
  const nobody: VoterSet = { members: [], k: 0 };
  if (wanted === 'asynchronous') {
    const why = 'commits will wait for nobody: the group becomes asynchronous';
    return { kind: 'write-store', voterSet: nobody, promotable: 'voters', mode: wanted, why };
  }
  if (input.mode !== 'asynchronous') {
    /* S and k alone say what a promotion needs, and they move on in their own safe order. */
    const why = `the group becomes ${wanted}`;
    return { kind: 'write-store', voterSet: setOf(record), promotable: record.promotable, mode: wanted, why };
  }
  const target = wantedMembers({ ...input, record: { ...record, promotable: 'none' } });
  const goal: VoterSet = { members: target, k: wantedK(wanted, target.length) };
  if (!sameSet(input.postgres, goal)) {
    const why = target.length > 0 ? `commits wait for ${describe(goal)} from now on` : 'commits wait for nobody';
    return { kind: 'set-postgres', voterSet: goal, why };
  }
  if (target.length === 0) return { kind: 'wait', blocked: false, why: `asynchronous until a standby is near enough` };
  const next = afterBarrier(input, goal);
  return next.kind === 'write-store' ? { ...next, mode: wanted } : next;
}

function describe(set: VoterSet): string {
  return set.k === set.members.length && set.k > 1
    ? `all of ${set.members.join(', ')}`
    : `${set.k} of ${set.members.join(', ')}`;
}
