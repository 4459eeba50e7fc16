/**
 * The holder's side of a group lease: when to renew, when to close the router, when to stop and kill PostgreSQL, when the lease may be given
 * back. Two facts are tracked apart: the *lease* (until when may this node serve?) and the *server* (does a process of ours still run?).
 *
 * Invariants kept: the lease is counted from the moment a confirmed renewal was sent, never from its answer; once a stop has begun the server
 * is never declared serving again without having been dead; the lease is released only when no process is left; a machine that slept (the
 * clock since boot and the monotonic one part by more than the drift margin) loses the lease.
 */
import type { RenewResult } from '../../control/store';
import { invariant, unreachable } from '../../kernel/errors';
import type { BootMs, Epoch, MonotonicMs } from '../../kernel/ids';
import { type LeaseBudget, leaseBudget } from './lease-budget';

/** Both clocks, read together. Neither is the wall clock: whoever steps that changes no lease. */
export type Instant = { readonly now: MonotonicMs; readonly boot: BootMs };

/** What this node's PostgreSQL is doing as far as the lease is concerned. */
export type ServerStage =
  /** No process of the data directory exists, or it runs as a standby. */
  | 'dead'
  /** May run as primary: started, starting or adopted. */
  | 'serving'
  /** An immediate stop has been asked for. */
  | 'stopping'
  /** SIGKILL to whatever is left, repeated until all are gone. */
  | 'killing';

export type RenewalInFlight = { readonly id: number; readonly sent: Instant };

export type LeaseState = {
  /** Of the length that belongs to the grant. */
  readonly budget: LeaseBudget;
  /** The length that is to count next; renewals go out at the shorter one's pace. */
  readonly wantedMs: number;
  readonly failSafe: boolean;
  /** The epoch this node holds or tries to confirm; null: it is no holder. */
  readonly epoch: Epoch | null;
  /** Send time of the last confirmed renewal (or grant); null: not confirmed in this life of the agent. */
  readonly confirmed: Instant | null;
  /** Who confirmed last: the store's majority, or every voter (fail-safe). */
  readonly confirmedBy: 'store' | 'voters' | null;
  /** Send time of the last renewal that the store itself confirmed. */
  readonly storeConfirmedAt: MonotonicMs | null;
  /** The lease was lost (deadline, clocks) and not confirmed since. */
  readonly lost: boolean;
  readonly routerOpen: boolean;
  readonly stage: ServerStage;
  readonly stopBegan: MonotonicMs | null;
  readonly lastKillAt: MonotonicMs | null;
  /** The lease goes back to the store as soon as everything is dead. */
  readonly giveBack: boolean;
  readonly renewals: readonly RenewalInFlight[];
  readonly confirmations: readonly RenewalInFlight[];
  /** The highest epoch whose lease was given back or superseded: a late answer to its grant brings nothing back. */
  readonly endedEpoch: Epoch;
  readonly nextRenewAt: MonotonicMs;
  readonly nextId: number;
};

export type LeaseInput = Instant &
  (
    | { readonly kind: 'tick' }
    /** The grant of `epoch` was applied by the store; `sent` is when the transaction was sent. */
    | { readonly kind: 'granted'; readonly epoch: Epoch; readonly sent: Instant; readonly leaseMs?: number }
    /** After an agent restart: the record still names this node; `serving`: its PostgreSQL was adopted as a primary. */
    | { readonly kind: 'resumed'; readonly epoch: Epoch; readonly serving: boolean; readonly leaseMs?: number }
    | { readonly kind: 'renew-answered'; readonly id: number; readonly result: RenewResult }
    /** No answer, transport error, no majority. */
    | { readonly kind: 'renew-failed'; readonly id: number }
    /** Fail-safe round finished: did *every* member asked confirm? */
    | { readonly kind: 'voters-answered'; readonly id: number; readonly allConfirmed: boolean }
    /** The local replica shows a record of a higher epoch, or another primary. */
    | { readonly kind: 'superseded'; readonly epoch: Epoch }
    /** PostgreSQL is about to be started as primary under this lease. */
    | { readonly kind: 'server-starting' }
    /** The planned stop, or the decision to fail over after a crash: give the lease back once dead. */
    | { readonly kind: 'give-back'; readonly mode: 'planned' | 'now' }
    /** Checked: no process of the data directory exists. */
    | { readonly kind: 'all-dead' }
    /** The store confirmed the release, or showed that the epoch is over. */
    | { readonly kind: 'released'; readonly epoch: Epoch }
    /**
     * Count by this length. A shorter one counts from the first confirmation on that came at its own pace, so that it never finds the lease older
     * than it allows. Not held: it only says by what the next one begins.
     */
    | { readonly kind: 'use-length'; readonly leaseMs: number }
  );

export type LeaseEffect =
  /** Ask the store; answer with 'renew-answered' or 'renew-failed' and the same id. */
  | { readonly kind: 'send-renewal'; readonly id: number; readonly epoch: Epoch }
  /** Ask every member that `failSafeMembers` names; answer with 'voters-answered' and the same id. */
  | { readonly kind: 'ask-voters'; readonly id: number; readonly epoch: Epoch; readonly holdMs: number }
  /** The guardian lets PostgreSQL serve for `remainingMs` (until its own stop begins), counted from `since`. */
  | { readonly kind: 'push-guardian'; readonly remainingMs: number; readonly since: MonotonicMs }
  | { readonly kind: 'open-router' }
  | { readonly kind: 'cut-router'; readonly why: string }
  | { readonly kind: 'stop-immediate'; readonly why: string }
  | { readonly kind: 'kill-all'; readonly why: string }
  /** Held, confirmed, and no server runs: PostgreSQL may be started as primary. */
  | { readonly kind: 'may-start'; readonly epoch: Epoch }
  /** Everything is dead: write `leaseReleased` for this epoch. */
  | { readonly kind: 'release'; readonly epoch: Epoch };

export type LeaseStep = { readonly state: LeaseState; readonly effects: readonly LeaseEffect[] };

/** Requests in flight beyond this many are forgotten, oldest first: their answers would confirm nothing useful. */
const maximumInFlight = 8;
/** SIGKILL is repeated this often until the guardian reports that all are gone. */
const killAgainMs = 50;

export function initialLeaseState(leaseMs: number, options: { readonly failSafe: boolean }): LeaseState {
  return {
    budget: leaseBudget(leaseMs),
    wantedMs: leaseMs,
    failSafe: options.failSafe,
    epoch: null,
    confirmed: null,
    confirmedBy: null,
    storeConfirmedAt: null,
    lost: false,
    routerOpen: false,
    stage: 'dead',
    stopBegan: null,
    lastKillAt: null,
    giveBack: false,
    renewals: [],
    confirmations: [],
    endedEpoch: 0,
    nextRenewAt: 0,
    nextId: 1,
  };
}

/** Time since the last confirmed renewal was sent: by whichever clock says more. Infinity: never confirmed. */
export function leaseAgeMs(state: LeaseState, at: Instant): number {
  if (state.confirmed === null) return Number.POSITIVE_INFINITY;
  return Math.max(at.now - state.confirmed.now, at.boot - state.confirmed.boot, 0);
}

export function clocksDisagree(state: LeaseState, at: Instant): boolean {
  if (state.confirmed === null) return false;
  const disagreement = at.boot - state.confirmed.boot - (at.now - state.confirmed.now);
  return Math.abs(disagreement) > state.budget.driftMarginMs;
}

/** For how long new sessions may still be admitted; 0: not at all. Ask right before sending the answer. */
export function admitRemainingMs(state: LeaseState, at: Instant): number {
  if (state.epoch === null || state.stage !== 'serving' || state.lost || state.giveBack) return 0;
  if (clocksDisagree(state, at)) return 0;
  return Math.max(0, state.budget.cutMs - leaseAgeMs(state, at));
}

/** Whether an effect that needs the lease (set change, promotion, start) may still be begun. Ask right before the effect. */
export function holdsLease(state: LeaseState, at: Instant, epoch: Epoch): boolean {
  return (
    state.epoch === epoch && !state.lost && !clocksDisagree(state, at) && leaseAgeMs(state, at) < state.budget.stopMs
  );
}

/** True while this node has the lease or a server that may still act under it: such a node promises nothing. */
export function mayBeHolder(state: LeaseState): boolean {
  return state.epoch !== null || state.stage !== 'dead';
}

export function stepLease(state: LeaseState, input: LeaseInput): LeaseStep {
  const effects: LeaseEffect[] = [];
  let next = apply(state, input, effects);
  next = enforceDeadlines(next, input, effects);
  next = sendRenewals(next, input, effects);
  next = setRouter(next, input, effects);
  assertLeaseInvariants(next);
  return { state: next, effects };
}

function apply(state: LeaseState, input: LeaseInput, effects: LeaseEffect[]): LeaseState {
  switch (input.kind) {
    case 'tick':
      return state;
    case 'granted':
      return granted(state, input, effects);
    case 'resumed':
      if (input.epoch <= state.endedEpoch || (state.epoch !== null && state.epoch >= input.epoch)) return state;
      return {
        ...withLength(noLease(state), input.leaseMs, input.now),
        epoch: input.epoch,
        /* An adopted server runs on the deadline its guardian was given; without a confirmation nothing extends it. */
        stage: input.serving ? 'serving' : state.stage,
        nextRenewAt: input.now,
      };
    case 'renew-answered':
      return renewAnswered(state, input, effects);
    case 'renew-failed':
      return { ...state, renewals: state.renewals.filter((renewal) => renewal.id !== input.id) };
    case 'voters-answered':
      return votersAnswered(state, input, effects);
    case 'superseded':
      if (state.epoch === null || input.epoch < state.epoch) return state;
      return superseded(state, input.now, effects);
    case 'server-starting':
      invariant(holdsLease(state, input, state.epoch ?? -1), 'a server starts as primary only under a held lease');
      invariant(state.stage === 'dead' || state.stage === 'serving', 'a stop that has begun ends in death');
      return { ...state, stage: 'serving', stopBegan: null, lastKillAt: null };
    case 'give-back':
      if (state.epoch === null) return state;
      return giveBack({ ...state, giveBack: true }, input, effects);
    case 'all-dead':
      return allDead(state, input, effects);
    case 'released':
      /* The end of an older epoch's release says nothing of the one that is held by now. */
      return state.stage === 'dead' && state.epoch === input.epoch ? ended(state) : state;
    case 'use-length':
      return countBy(state, input.leaseMs, input);
    default:
      return unreachable(input);
  }
}

function noLease(state: LeaseState): LeaseState {
  return {
    ...state,
    epoch: null,
    confirmed: null,
    confirmedBy: null,
    storeConfirmedAt: null,
    lost: false,
    giveBack: false,
    renewals: [],
    confirmations: [],
  };
}

function ended(state: LeaseState): LeaseState {
  return { ...noLease(state), endedEpoch: Math.max(state.endedEpoch, state.epoch ?? 0) };
}

function withLength(state: LeaseState, leaseMs: number | undefined, now: MonotonicMs): LeaseState {
  if (leaseMs === undefined) return state;
  const budget = leaseBudget(leaseMs);
  const nextRenewAt = Math.min(state.nextRenewAt, now + budget.renewEveryMs);
  return { ...state, budget, wantedMs: leaseMs, nextRenewAt };
}

function countBy(state: LeaseState, leaseMs: number, at: Instant): LeaseState {
  const next = withLength(state, leaseMs, at.now);
  if (state.epoch === null || leaseMs >= state.budget.leaseMs) return next;
  const fresh = leaseAgeMs(state, at) < next.budget.failSafeAfterMs && !state.lost && !clocksDisagree(state, at);
  return fresh ? next : { ...next, budget: state.budget };
}

function granted(state: LeaseState, at: LeaseInput & { readonly kind: 'granted' }, effects: LeaseEffect[]): LeaseState {
  const { epoch, sent } = at;
  if (epoch <= state.endedEpoch || (state.epoch !== null && epoch < state.epoch)) return state;
  /* A repeated answer confirms at most; it takes nothing back, least of all a give-back whose release is on its way. */
  if (epoch === state.epoch) return pushed(confirm(state, sent, 'store'), at, effects);
  const fresh: LeaseState = {
    ...withLength(noLease(state), at.leaseMs, at.now),
    epoch,
    confirmed: sent,
    confirmedBy: 'store',
    storeConfirmedAt: sent.now,
    nextRenewAt: at.now,
  };
  return pushed(fresh, at, effects);
}

function confirm(state: LeaseState, sent: Instant, by: 'store' | 'voters'): LeaseState {
  const newer = state.confirmed === null || sent.now > state.confirmed.now;
  return {
    ...state,
    confirmed: newer ? sent : state.confirmed,
    confirmedBy: newer ? by : state.confirmedBy,
    storeConfirmedAt: by === 'store' ? Math.max(sent.now, state.storeConfirmedAt ?? sent.now) : state.storeConfirmedAt,
  };
}

/** After a confirmation: tell the guardian; a server that died of a lost lease may start again. */
function pushed(state: LeaseState, at: Instant, effects: LeaseEffect[]): LeaseState {
  if (state.confirmed === null || state.epoch === null) return state;
  if (leaseAgeMs(state, at) >= state.budget.stopMs || clocksDisagree(state, at)) return state;
  if (state.stage === 'serving') {
    effects.push({ kind: 'push-guardian', remainingMs: state.budget.stopMs, since: state.confirmed.now });
  } else if (state.stage === 'dead' && !state.giveBack) {
    effects.push({ kind: 'may-start', epoch: state.epoch });
  }
  return { ...state, lost: false };
}

function renewAnswered(
  state: LeaseState,
  input: LeaseInput & { kind: 'renew-answered' },
  effects: LeaseEffect[],
): LeaseState {
  const renewal = state.renewals.find((one) => one.id === input.id);
  const rest = { ...state, renewals: state.renewals.filter((one) => one.id !== input.id) };
  if (renewal === undefined || state.epoch === null) return rest;
  const { result } = input;
  if (result.ok) {
    if (result.epoch !== state.epoch) return rest;
    const confirmed = confirm(rest, renewal.sent, 'store');
    /* The record says less than what is counted here: a write of an earlier life came late. A new leader would count no more than that. */
    const shorter =
      result.leaseMs < state.budget.leaseMs ? withLength(confirmed, result.leaseMs, input.now) : confirmed;
    const wanted = shorter.wantedMs < shorter.budget.leaseMs ? countBy(shorter, shorter.wantedMs, input) : shorter;
    return pushed(wanted, input, effects);
  }
  if (result.reason === 'superseded' && result.epoch !== null && result.epoch > state.epoch) {
    return superseded(rest, input.now, effects);
  }
  return rest;
}

function votersAnswered(
  state: LeaseState,
  input: LeaseInput & { kind: 'voters-answered' },
  effects: LeaseEffect[],
): LeaseState {
  const round = state.confirmations.find((one) => one.id === input.id);
  const rest = { ...state, confirmations: state.confirmations.filter((one) => one.id !== input.id) };
  /* Voters prolong a lease that this life of the agent has seen confirmed by the store; they never create one. */
  if (round === undefined || !input.allConfirmed || state.storeConfirmedAt === null || state.lost) return rest;
  return pushed(confirm(rest, round.sent, 'voters'), input, effects);
}

function superseded(state: LeaseState, now: MonotonicMs, effects: LeaseEffect[]): LeaseState {
  const why = 'the group has a newer epoch';
  if (state.stage === 'dead') return ended(state);
  effects.push({ kind: 'kill-all', why });
  return {
    ...state,
    lost: true,
    giveBack: false,
    stage: 'killing',
    stopBegan: state.stopBegan ?? now,
    lastKillAt: now,
  };
}

function giveBack(state: LeaseState, input: LeaseInput & { kind: 'give-back' }, effects: LeaseEffect[]): LeaseState {
  if (state.stage === 'dead') return { ...state, nextRenewAt: input.now };
  if (input.mode === 'planned' || state.stage === 'killing') return state;
  effects.push({ kind: 'kill-all', why: 'the lease is given back' });
  return { ...state, stage: 'killing', stopBegan: state.stopBegan ?? input.now, lastKillAt: input.now };
}

function allDead(state: LeaseState, at: Instant, effects: LeaseEffect[]): LeaseState {
  const dead: LeaseState = { ...state, stage: 'dead', stopBegan: null, lastKillAt: null };
  if (state.epoch === null) return dead;
  if (state.giveBack) return { ...dead, nextRenewAt: at.now };
  if (state.stage !== 'dead' && holdsLease(state, at, state.epoch)) {
    effects.push({ kind: 'may-start', epoch: state.epoch });
  }
  return dead;
}

function enforceDeadlines(state: LeaseState, at: Instant, effects: LeaseEffect[]): LeaseState {
  if (state.epoch === null && state.stage === 'dead') return state;
  const age = leaseAgeMs(state, at);
  const disagree = clocksDisagree(state, at);
  /* Never confirmed in this life of the agent: the guardian alone holds the deadline it was given before. */
  const unconfirmed = state.confirmed === null && !state.lost;
  let next = state;
  if (!unconfirmed && (age >= state.budget.stopMs || disagree || state.epoch === null)) next = { ...next, lost: true };
  if (next.lost && next.stage === 'serving') {
    const why = disagree
      ? 'the machine slept since the last renewal'
      : `the lease was not renewed for ${state.budget.stopMs} ms`;
    effects.push({ kind: 'stop-immediate', why });
    next = { ...next, stage: 'stopping', stopBegan: at.now };
  }
  if (next.stage === 'stopping' && next.stopBegan !== null) {
    const patience = state.budget.killMs - state.budget.stopMs;
    if (age >= state.budget.killMs || at.now - next.stopBegan >= patience) {
      next = { ...next, stage: 'killing', lastKillAt: null };
    }
  }
  if (next.stage === 'killing' && (next.lastKillAt === null || at.now - next.lastKillAt >= killAgainMs)) {
    effects.push({ kind: 'kill-all', why: 'processes of the old primary are left' });
    next = { ...next, lastKillAt: at.now };
  }
  return next;
}

function renewEveryMs({ budget, wantedMs }: LeaseState): number {
  return wantedMs < budget.leaseMs ? leaseBudget(wantedMs).renewEveryMs : budget.renewEveryMs;
}

function sendRenewals(state: LeaseState, at: Instant, effects: LeaseEffect[]): LeaseState {
  if (state.epoch === null || at.now < state.nextRenewAt) return state;
  if (state.giveBack && state.stage === 'dead') {
    /* Given back: never prolonged again, only told to the store until it has heard. */
    effects.push({ kind: 'release', epoch: state.epoch });
    return { ...state, nextRenewAt: at.now + renewEveryMs(state) };
  }
  const sent: Instant = { now: at.now, boot: at.boot };
  let next: LeaseState = { ...state, nextRenewAt: at.now + renewEveryMs(state) };
  effects.push({ kind: 'send-renewal', id: next.nextId, epoch: state.epoch });
  next = {
    ...next,
    renewals: [...next.renewals, { id: next.nextId, sent }].slice(-maximumInFlight),
    nextId: next.nextId + 1,
  };
  const storeSilent =
    state.storeConfirmedAt !== null && at.now - state.storeConfirmedAt >= state.budget.failSafeAfterMs;
  if (!state.failSafe || !storeSilent || state.lost || state.giveBack || state.stage !== 'serving') return next;
  effects.push({ kind: 'ask-voters', id: next.nextId, epoch: state.epoch, holdMs: state.budget.leaseMs });
  return {
    ...next,
    confirmations: [...next.confirmations, { id: next.nextId, sent }].slice(-maximumInFlight),
    nextId: next.nextId + 1,
  };
}

function setRouter(state: LeaseState, at: Instant, effects: LeaseEffect[]): LeaseState {
  const open = admitRemainingMs(state, at) > 0;
  if (open === state.routerOpen) return state;
  if (open) effects.push({ kind: 'open-router' });
  else effects.push({ kind: 'cut-router', why: state.giveBack ? 'planned stop' : 'the lease runs out' });
  return { ...state, routerOpen: open };
}

export function assertLeaseInvariants(state: LeaseState): void {
  invariant(!state.routerOpen || state.stage === 'serving', 'the router is open only to a serving server');
  invariant(!state.routerOpen || (!state.lost && state.epoch !== null), 'the router is open only under a lease');
  invariant(state.stage !== 'dead' || state.stopBegan === null, 'a dead server is not being stopped');
  invariant(!(state.lost && state.stage === 'serving'), 'a lost lease stops the server in the same step');
  invariant(state.renewals.length <= maximumInFlight, 'renewals in flight are bounded');
  invariant(state.confirmations.length <= maximumInFlight, 'confirmations in flight are bounded');
  invariant(state.confirmed === null || state.epoch !== null, 'only a holder has a confirmation');
}
