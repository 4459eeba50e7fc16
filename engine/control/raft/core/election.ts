/**
 * Elections: pre-vote, vote, leader stickiness, transfer.
 *
 * Invariants: one vote per term, durable before it is told; only votes of listed voters, in the very incarnation listed, are counted; a member that
 * the receiver does not list gets a vote only with a strictly newer log (which may hold the entry that lists it).
 */
import type { RaftMember } from '../../store';
import { configurationOf, isMember, isVoter, membersOf } from './configuration';
import { appendEntries } from './entries';
import { lastIndex, lastTerm } from './log';
import { memberKey, type PreVote, type PreVoteAnswer, type Progress, type Vote, type VoteAnswer } from './model';
import { tally } from './quorum';
import { broadcastAppends } from './sending';
import { becomeFollower, resetElectionTimer, type Work } from './work';

export function campaign(work: Work, mode: 'pre-vote' | 'vote' | 'transfer'): void {
  const { state } = work;
  const configuration = configurationOf(state);
  if (!isVoter(configuration, state.selfKey)) return;
  resetElectionTimer(work);
  state.leader = null;
  state.leaderContactAt = null;
  state.incoming = null;
  if (mode === 'pre-vote') {
    state.role = 'pre-candidate';
  } else {
    state.role = 'candidate';
    state.term += 1;
    state.vote = state.selfKey;
  }
  state.votes = new Map([[state.selfKey, true]]);
  if (countVotes(work)) return;
  for (const to of configuration.voters) {
    if (memberKey(to) === state.selfKey) continue;
    const log = { lastIndex: lastIndex(state.log), lastTerm: lastTerm(state.log) };
    if (mode === 'pre-vote') {
      work.sends.push({ kind: 'pre-vote', from: state.self, to, term: state.term + 1, ...log });
    } else {
      // A candidate's own vote must be durable before anyone can answer it.
      work.afterPersist.push({
        kind: 'vote',
        from: state.self,
        to,
        term: state.term,
        ...log,
        transfer: mode === 'transfer',
      });
    }
  }
}

/** True when the tally ended this candidacy. A sole voter wins at once; its noop still waits for its own disk. */
function countVotes(work: Work): boolean {
  const { state } = work;
  const answers = configurationOf(state).voters.map((member) => state.votes.get(memberKey(member)) ?? null);
  const result = tally(answers);
  if (result === 'won') {
    if (state.role === 'pre-candidate') campaign(work, 'vote');
    else becomeLeader(work);
    return true;
  }
  if (result === 'lost') {
    becomeFollower(work, state.term, null);
    return true;
  }
  return false;
}

function becomeLeader(work: Work): void {
  const { state } = work;
  const next = lastIndex(state.log) + 1;
  const peers = new Map<string, Progress>();
  for (const member of membersOf(configurationOf(state))) {
    if (memberKey(member) !== state.selfKey) peers.set(memberKey(member), newProgress(member, next));
  }
  state.role = 'leader';
  state.leader = state.self;
  state.leaderContactAt = work.now;
  state.votes = new Map();
  state.leading = {
    peers,
    noopIndex: next,
    electedAt: work.now,
    heartbeatAt: work.now + state.heartbeatMs,
    beat: 0,
    round: 1,
    confirmedRound: 0,
    reads: [],
    transfer: null,
  };
  appendEntries(work, [{ kind: 'noop', data: '' }]);
  broadcastAppends(work, true);
}

export function newProgress(member: RaftMember, next: number): Progress {
  return {
    member,
    mode: 'probe',
    match: 0,
    next,
    inflight: [],
    inflightBytes: 0,
    waiting: false,
    snapshot: null,
    contactAt: null,
    round: 0,
  };
}

/** A live leader was heard (or is this node): campaigns of others are not even answered, so a returning node can't depose it. */
export function hearsLeader(work: Work): boolean {
  const { state } = work;
  if (state.role === 'leader') return true;
  return (
    state.leader !== null && state.leaderContactAt !== null && work.now - state.leaderContactAt < state.electionMs * 0.8
  );
}

function mayVoteFor(work: Work, message: PreVote | Vote): boolean {
  const { state } = work;
  const configuration = configurationOf(state);
  // An empty directory acknowledged nothing that it remembers: it has no vote until a leader has filled it.
  if (configuration.voters.length === 0) return false;
  const newer =
    message.lastTerm > lastTerm(state.log) ||
    (message.lastTerm === lastTerm(state.log) && message.lastIndex > lastIndex(state.log));
  const equal = message.lastTerm === lastTerm(state.log) && message.lastIndex === lastIndex(state.log);
  return newer || (equal && isMember(configuration, memberKey(message.from)));
}

export function onPreVote(work: Work, message: PreVote): void {
  const { state } = work;
  if (hearsLeader(work)) return;
  const granted = message.term > state.term && mayVoteFor(work, message);
  // A refusal tells our term, so that a candidate that is behind catches up; a grant repeats the term asked for.
  const term = granted ? message.term : state.term;
  work.afterPersist.push({ kind: 'pre-vote-answer', from: state.self, to: message.from, term, granted });
}

export function onPreVoteAnswer(work: Work, message: PreVoteAnswer): void {
  const { state } = work;
  if (!message.granted && message.term > state.term) {
    becomeFollower(work, message.term, null);
    return;
  }
  if (state.role !== 'pre-candidate') return;
  if (message.granted && message.term !== state.term + 1) return;
  state.votes = new Map(state.votes).set(memberKey(message.from), message.granted);
  countVotes(work);
}

export function onVote(work: Work, message: Vote): void {
  const { state } = work;
  if (message.term < state.term) {
    work.afterPersist.push({
      kind: 'vote-answer',
      from: state.self,
      to: message.from,
      term: state.term,
      granted: false,
    });
    return;
  }
  if (!message.transfer && message.term > state.term && hearsLeader(work)) return;
  const candidate = memberKey(message.from);
  const eligible = mayVoteFor(work, message);
  // Someone who can't be elected anyway and is no member must not raise our term either.
  if (!eligible && !isMember(configurationOf(state), candidate)) return;
  if (message.term > state.term) becomeFollower(work, message.term, null);
  const granted = eligible && (state.vote === null || state.vote === candidate) && state.leader === null;
  if (granted) {
    state.vote = candidate;
    resetElectionTimer(work);
  }
  work.afterPersist.push({ kind: 'vote-answer', from: state.self, to: message.from, term: state.term, granted });
}

export function onVoteAnswer(work: Work, message: VoteAnswer): void {
  const { state } = work;
  if (message.term > state.term) {
    becomeFollower(work, message.term, null);
    return;
  }
  if (state.role !== 'candidate' || message.term !== state.term) return;
  state.votes = new Map(state.votes).set(memberKey(message.from), message.granted);
  countVotes(work);
}
