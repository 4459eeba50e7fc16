/**
 * One step in the making: a private copy of the state that the step's parts change, and what the step will ask of the shell.
 *
 * Invariant: a message that depends on what this process stored is only ever pushed to `afterPersist`; `finish` puts those into the persist effect.
 */

import type { RaftMember } from '../../store';
import { configurationOf, isVoter } from './configuration';
import { lastIndex, lastTerm, slice } from './log';
import type { Effect, LeaderState, MemberKey, Message, Progress, RaftState, Snapshot, StepResult } from './model';
import { memberKey } from './model';
import { nextRandom } from './random';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export type Work = {
  readonly before: RaftState;
  readonly state: Mutable<RaftState>;
  readonly now: number;
  readonly sends: Message[];
  readonly afterPersist: Message[];
  readonly effects: Effect[];
  /** Lowest index appended by this step. */
  appendedFrom: number | null;
  install: Snapshot | null;
  rewrite: boolean;
  /** This step's own copy of the peers: copied once, however many of them the step changes. */
  peers: Map<MemberKey, Progress> | null;
};

export function begin(state: RaftState, now: number): Work {
  return {
    before: state,
    state: { ...state },
    now,
    sends: [],
    afterPersist: [],
    effects: [],
    appendedFrom: null,
    install: null,
    rewrite: false,
    peers: null,
  };
}

export function finish(work: Work): StepResult {
  const { state, before, effects } = work;
  emitCommitted(work);
  if (state.role !== before.role || state.term !== before.term || leaderKey(state) !== leaderKey(before)) {
    effects.push({ kind: 'role', role: state.role, term: state.term, leader: state.leader });
  }
  // Nothing that this process would have to stand by leaves it while it can't write.
  if (!state.writable) work.afterPersist.length = 0;
  const hardChanged = state.term !== before.term || state.vote !== before.vote;
  const appended = work.appendedFrom !== null && work.appendedFrom <= lastIndex(state.log);
  if (hardChanged || appended || work.install || work.rewrite || work.afterPersist.length > 0) {
    state.token += 1;
    if (work.appendedFrom !== null && work.appendedFrom <= lastIndex(before.log)) state.cutToken = state.token;
    if (work.install) state.cutToken = state.token;
    effects.unshift({
      kind: 'persist',
      token: state.token,
      hardState: hardChanged ? { term: state.term, vote: state.vote } : null,
      entries: appended && !work.rewrite ? slice(state.log, Math.max(work.appendedFrom!, state.log.base + 1)) : [],
      snapshot: work.install,
      rewrite: work.rewrite ? slice(state.log, state.log.base + 1) : null,
      lastIndex: lastIndex(state.log),
      lastTerm: lastTerm(state.log),
      messages: work.afterPersist,
    });
  }
  if (work.sends.length > 0) effects.unshift({ kind: 'send', messages: work.sends });
  return { state, effects };
}

function leaderKey(state: RaftState): MemberKey | null {
  return state.leader && memberKey(state.leader);
}

function emitCommitted(work: Work): void {
  const { state } = work;
  if (state.commitIndex <= state.appliedIndex) return;
  const entries = slice(state.log, state.appliedIndex + 1).slice(0, state.commitIndex - state.appliedIndex);
  state.appliedIndex = state.commitIndex;
  work.effects.push({ kind: 'apply', entries });
}

// ---------------------------------------------------------------- small changes every part needs
export function setLeading(work: Work, change: Partial<LeaderState>): void {
  work.state.leading = { ...work.state.leading!, ...change };
}

export function setProgress(work: Work, key: MemberKey, change: Partial<Progress>): void {
  const leading = work.state.leading!;
  if (work.peers === null || leading.peers !== work.peers) {
    work.peers = new Map(leading.peers);
    work.state.leading = { ...leading, peers: work.peers };
  }
  work.peers.set(key, { ...work.peers.get(key)!, ...change });
}

/** Draws the next election time-out: 0.8 to 1.6 of the nominal one. */
export function resetElectionTimer(work: Work): void {
  const { seed, value } = nextRandom(work.state.seed);
  work.state.seed = seed;
  work.state.electionAt = work.now + work.state.electionMs * (0.8 + 0.8 * value);
}

/** Gives up whatever role there was and follows `leader` (null: unknown) in `term`. */
export function becomeFollower(work: Work, term: number, leader: RaftMember | null): void {
  const { state } = work;
  if (term > state.term) {
    state.term = term;
    state.vote = null;
  }
  for (const read of state.leading?.reads ?? []) {
    work.effects.push({ kind: 'read-refused', id: read.id, reason: 'not-leader' });
  }
  const wasQuiet = state.role === 'follower' || state.role === 'learner';
  state.leading = null;
  state.leader = leader;
  if (leader === null) state.leaderContactAt = null;
  state.votes = new Map();
  state.role = passiveRole(state);
  if (!wasQuiet) resetElectionTimer(work);
}

export function passiveRole(state: RaftState): 'follower' | 'learner' {
  return isVoter(configurationOf(state), state.selfKey) ? 'follower' : 'learner';
}
