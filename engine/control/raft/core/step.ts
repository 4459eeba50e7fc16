/**
 * The Raft step function: `step(state, now, input) → { state, effects }`. No clock, no randomness, no I/O: `now` is this process's monotonic clock in
 * milliseconds, random time-outs come from the seed in the state, the end of our own disk write is an input.
 * Protocol and invariants: ../SPEC.md. Source: Ongaro, "Consensus: bridging theory and practice" (2014), with pre-vote (§9.6), read index (§6.4).
 */
import { unreachable } from '../../../kernel/errors';
import type { RaftMember } from '../../store';
import { applyChange, configurationOf, isVoter } from './configuration';
import { campaign, newProgress, onPreVote, onPreVoteAnswer, onVote, onVoteAnswer } from './election';
import { appendEntries, snapshotAt } from './entries';
import { onAppend, onSnapshotChunk } from './follower';
import { assertInvariants } from './invariants';
import { append, compact, emptyLog, entryAt, lastIndex, termAt } from './log';
import {
  type ConfigurationChange,
  type Entry,
  type HardState,
  type Input,
  type Limits,
  type Message,
  memberKey,
  type RaftState,
  type Snapshot,
  type StepResult,
} from './model';
import { reachedByMajority } from './quorum';
import { answerReads, requestRead } from './reads';
import { advanceCommit, continueTransfer, onAppendAnswer, onSnapshotAnswer, syncPeers } from './replication';
import { broadcastAppends, broadcastBeat, sendAppends } from './sending';
import {
  becomeFollower,
  begin,
  finish,
  passiveRole,
  resetElectionTimer,
  setLeading,
  setProgress,
  type Work,
} from './work';

export type Recovered = {
  readonly hardState: HardState;
  readonly snapshot: Snapshot | null;
  /** Contiguous; those at or below the snapshot are kept for slow followers. */
  readonly entries: readonly Entry[];
};

export type InitialOptions = {
  readonly self: RaftMember;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly limits: Limits;
  readonly seed: number;
  readonly now: number;
  readonly recovered: Recovered;
};

export function initialState(options: InitialOptions): RaftState {
  const { self, recovered, now } = options;
  const { snapshot, entries } = recovered;
  const log = recoveredLog(snapshot, entries);
  const floor = snapshot?.index ?? 0;
  const configurations = entries
    .filter((entry) => entry.kind === 'configuration' && entry.index > floor && entry.index <= lastIndex(log))
    .map((entry) => ({ index: entry.index, configuration: JSON.parse(entry.data) }));
  const state: RaftState = {
    self,
    selfKey: memberKey(self),
    heartbeatMs: options.heartbeatMs,
    electionMs: options.electionMs,
    limits: options.limits,
    writable: true,
    seed: options.seed,
    term: recovered.hardState.term,
    vote: recovered.hardState.vote,
    role: 'learner',
    leader: null,
    log,
    snapshot,
    configurations: snapshot
      ? [{ index: floor, configuration: snapshot.configuration }, ...configurations]
      : configurations,
    durableIndex: lastIndex(log),
    commitIndex: floor,
    appliedIndex: floor,
    token: 0,
    cutToken: 0,
    electionAt: 0,
    leaderContactAt: null,
    votes: new Map(),
    leading: null,
    incoming: null,
  };
  const work = begin({ ...state, role: passiveRole(state) }, now);
  resetElectionTimer(work);
  return work.state;
}

/** The oldest kept entry becomes the base: its own term is known, that of the one before it is not. */
function recoveredLog(snapshot: Snapshot | null, entries: readonly Entry[]): RaftState['log'] {
  const floor = { index: snapshot?.index ?? 0, term: snapshot?.term ?? 0 };
  const first = entries[0];
  if (first && first.index <= floor.index) {
    const log = append(emptyLog(first.index, first.term), entries.slice(1));
    if (termAt(log, floor.index) === floor.term) return log;
  }
  // Either nothing lies below the snapshot, or an installed snapshot has replaced this log and the rewrite did not happen.
  const follows = entries.filter((entry) => entry.index > floor.index);
  return append(emptyLog(floor.index, floor.term), first && first.index === floor.index + 1 ? follows : []);
}

export function step(state: RaftState, now: number, input: Input): StepResult {
  const work = begin(state, now);
  dispatch(work, input);
  const result = finish(work);
  assertInvariants(state, result.state);
  return result;
}

/** When the shell must next send a tick, on the clock of `now`. */
export function nextTickAt(state: RaftState): number {
  if (state.leading) return state.leading.heartbeatAt;
  return state.role === 'learner' ? Number.POSITIVE_INFINITY : state.electionAt;
}

function dispatch(work: Work, input: Input): void {
  switch (input.kind) {
    case 'tick':
      onTick(work);
      return;
    case 'message':
      onMessage(work, input.message);
      return;
    case 'persisted':
      onPersisted(work, input.token, input.lastIndex, input.lastTerm);
      return;
    case 'propose':
      onPropose(work, input.data);
      return;
    case 'change':
      onChange(work, input.change);
      return;
    case 'read':
      requestRead(work, input.id, input.patient === true);
      return;
    case 'transfer':
      onTransfer(work, input.to);
      return;
    case 'snapshotted':
      onSnapshotted(work, input.index, input.parts);
      return;
    case 'disk':
      onDisk(work, input.writable);
      return;
    case 'timings':
      work.state.heartbeatMs = input.heartbeatMs;
      work.state.electionMs = input.electionMs;
      return;
    default:
      unreachable(input);
      return;
  }
}

/**
 * A full disk is a slow one: what was queued waits, and nothing that would have to be written is begun. Whoever else can write should lead; a sole
 * voter goes on, since renewals and reads need no disk and nobody else could answer them.
 */
function onDisk(work: Work, writable: boolean): void {
  const { state } = work;
  state.writable = writable;
  const alone = configurationOf(state).voters.length === 1;
  if (writable) resetElectionTimer(work);
  else if (state.leading ? !alone : state.role !== passiveRole(state)) becomeFollower(work, state.term, null);
}

function onTick(work: Work): void {
  const { state, now } = work;
  if (!state.leading) {
    if (now < state.electionAt || state.role === 'learner') return;
    if (state.writable) campaign(work, 'pre-vote');
    else resetElectionTimer(work);
    return;
  }
  if (now < state.leading.heartbeatAt) return;
  if (now - majorityContactAt(state, now) > state.electionMs) {
    becomeFollower(work, state.term, null);
    return;
  }
  const { transfer, reads, confirmedRound, round, beat } = state.leading;
  for (const [key, peer] of state.leading.peers) {
    if (peer.waiting && peer.mode === 'probe') setProgress(work, key, { waiting: false });
  }
  setLeading(work, {
    heartbeatAt: now + state.heartbeatMs,
    beat: beat + 1,
    // A round whose messages were lost starts again; reads that wait for the next one join it.
    round: reads.length > 0 || confirmedRound < round ? round + 1 : round,
    transfer: transfer && transfer.deadline > now ? transfer : null,
  });
  broadcastBeat(work);
  // A sole voter confirms its own rounds: no answer of a peer will come to do it.
  answerReads(work);
}

/** The latest moment by which a majority of voters had answered this leader; its election counts as one. */
export function majorityContactAt(state: RaftState, now: number): number {
  const leading = state.leading!;
  const contacts = configurationOf(state).voters.map((member) => {
    const key = memberKey(member);
    if (key === state.selfKey) return now;
    return Math.max(leading.peers.get(key)?.contactAt ?? Number.NEGATIVE_INFINITY, leading.electedAt);
  });
  return reachedByMajority(contacts);
}

function onMessage(work: Work, message: Message): void {
  const { state } = work;
  if (memberKey(message.to) !== state.selfKey || memberKey(message.from) === state.selfKey) return;
  // Who leads is still learned, so that this node's requests find their way; a vote or a campaign would have to be written.
  if (!state.writable && message.kind !== 'append' && message.kind !== 'snapshot') return;
  switch (message.kind) {
    case 'pre-vote':
      onPreVote(work, message);
      return;
    case 'pre-vote-answer':
      if (isVoter(configurationOf(state), memberKey(message.from))) onPreVoteAnswer(work, message);
      return;
    case 'vote':
      onVote(work, message);
      return;
    case 'vote-answer':
      if (isVoter(configurationOf(state), memberKey(message.from))) onVoteAnswer(work, message);
      return;
    case 'append':
      onAppend(work, message);
      return;
    case 'append-answer':
      onAppendAnswer(work, message);
      return;
    case 'snapshot':
      onSnapshotChunk(work, message);
      return;
    case 'snapshot-answer':
      onSnapshotAnswer(work, message);
      return;
    case 'timeout-now':
      if (message.term === state.term && state.leader && memberKey(state.leader) === memberKey(message.from)) {
        campaign(work, 'transfer');
      }
      return;
    default:
      unreachable(message);
      return;
  }
}

function onPersisted(work: Work, token: number, index: number, term: number): void {
  const { state } = work;
  // The log was cut after this write was queued: the write that cut it reports what holds now.
  if (token < state.cutToken || termAt(state.log, index) !== term) return;
  state.durableIndex = Math.max(state.durableIndex, index);
  advanceCommit(work);
}

function onPropose(work: Work, data: readonly string[]): void {
  const { state } = work;
  const refuse = (reason: 'not-leader' | 'transferring' | 'disk-full' | 'too-many-uncommitted') =>
    work.effects.push({ kind: 'refused', what: 'propose', reason });
  if (!state.leading) return void refuse('not-leader');
  if (!state.writable) return void refuse('disk-full');
  if (state.leading.transfer) return void refuse('transferring');
  if (lastIndex(state.log) + data.length - state.commitIndex > state.limits.maxUncommitted) {
    return void refuse('too-many-uncommitted');
  }
  const items = data.map((text) => ({ kind: 'txn', data: text }) as const);
  const firstIndex = appendEntries(work, items);
  work.effects.push({ kind: 'proposed', firstIndex, count: data.length, term: state.term });
  broadcastAppends(work, false);
}

function onChange(work: Work, change: ConfigurationChange): void {
  const { state } = work;
  const result = planChange(state, change);
  if (!result.ok) {
    work.effects.push({ kind: 'refused', what: 'change', reason: result.reason });
    return;
  }
  const data = JSON.stringify(result.configuration);
  const firstIndex = appendEntries(work, [{ kind: 'configuration', data }]);
  work.effects.push({ kind: 'proposed', firstIndex, count: 1, term: state.term });
  syncPeers(work, newProgress);
  broadcastAppends(work, true);
}

function planChange(state: RaftState, change: ConfigurationChange): ReturnType<typeof applyChange> {
  const leading = state.leading;
  if (!leading) return { ok: false, reason: 'not-leader' };
  if (leading.transfer) return { ok: false, reason: 'transferring' };
  if (!state.writable) return { ok: false, reason: 'disk-full' };
  if (state.commitIndex < leading.noopIndex) return { ok: false, reason: 'not-ready' };
  const latest = state.configurations[state.configurations.length - 1];
  if (latest && latest.index > state.commitIndex) return { ok: false, reason: 'change-in-progress' };
  const configuration = configurationOf(state);
  if (change.kind === 'remove' && memberKey(change.member) === state.selfKey) {
    return { ok: false, reason: 'leader-removes-itself' };
  }
  if (change.kind === 'promote') {
    const learner = configuration.learners.find((member) => member.id === change.id);
    const progress = learner && leading.peers.get(memberKey(learner));
    // A voter that lags would only hold commits up.
    if (progress && lastIndex(state.log) - progress.match > 100) return { ok: false, reason: 'not-caught-up' };
    if (progress && progress.match === 0) return { ok: false, reason: 'not-caught-up' };
  }
  return applyChange(configuration, change, state.limits.maxVoters);
}

function onTransfer(work: Work, to: string): void {
  const { state } = work;
  const refuse = (reason: 'not-leader' | 'not-ready' | 'not-a-voter') =>
    work.effects.push({ kind: 'refused', what: 'transfer', reason });
  if (!state.leading) return void refuse('not-leader');
  if (state.commitIndex < state.leading.noopIndex) return void refuse('not-ready');
  const member = configurationOf(state).voters.find((voter) => voter.id === to);
  if (!member) return void refuse('not-a-voter');
  const key = memberKey(member);
  if (key === state.selfKey) return;
  setLeading(work, { transfer: { to: key, deadline: work.now + state.electionMs, sent: false } });
  sendAppends(work, key, true);
  continueTransfer(work, key);
}

function onSnapshotted(work: Work, index: number, parts: readonly string[]): void {
  const { state } = work;
  const head = snapshotAt(state, index);
  // A newer snapshot was installed while this one was written.
  if (!head || index <= (state.snapshot?.index ?? 0)) return;
  state.snapshot = { ...head, parts };
  const { configuration } = head;
  state.configurations = [{ index, configuration }, ...state.configurations.filter((item) => item.index > index)];
  state.log = compact(state.log, compactTo(state, index));
  work.rewrite = true;
}

/** What is kept is written again at once: bounded in entries and in characters, whatever the entries hold. */
function compactTo({ log, limits }: RaftState, index: number): number {
  let upTo = Math.max(log.base, index - limits.keepBehind);
  let chars = 0;
  for (let at = index; at > upTo; at--) {
    chars += entryAt(log, at)!.data.length;
    if (chars > limits.keepBehindChars) upTo = at;
  }
  return upTo;
}
