/** A Raft member as the consensus page shows it. */
import type { RaftPeerStatus, RaftStatus } from '../store';
import { configurationOf, isVoter, membersOf } from './core/configuration';
import { lastIndex } from './core/log';
import { memberKey, type RaftState } from './core/model';
import { quorumSize } from './core/quorum';
import { majorityContactAt } from './core/step';

/** Time-outs without a word after which a learner, which never campaigns, no longer counts its leader as one. */
const silentTimeouts = 3;
/** With many learners a heartbeat reaches each only in turns (see `broadcastBeat`). */
const learnersPerBeat = 64;

export function statusOf(state: RaftState, stateBytes: number, now: number): RaftStatus {
  const configuration = configurationOf(state);
  const peers = membersOf(configuration)
    .filter((member) => memberKey(member) !== state.selfKey)
    .map((member): RaftPeerStatus => {
      const progress = state.leading?.peers.get(memberKey(member));
      return {
        id: member.id,
        voter: isVoter(configuration, memberKey(member)),
        matchIndex: progress?.match ?? null,
        nextIndex: progress?.next ?? null,
        lastContactMs: progress?.contactAt ? now - progress.contactAt : null,
        state: progress?.mode ?? 'unknown',
      };
    });
  const leader =
    state.role === 'learner' && !hearsItsLeader(state, configuration.learners.length, now) ? null : state.leader;
  return {
    id: state.self.id,
    role: state.role,
    term: state.term,
    leader: leader?.id ?? null,
    commitIndex: state.commitIndex,
    appliedIndex: state.appliedIndex,
    lastIndex: lastIndex(state.log),
    snapshotIndex: state.snapshot?.index ?? 0,
    logBytes: state.log.chars,
    stateBytes,
    configuration,
    peers,
    hasQuorum: state.leading ? now - majorityContactAt(state, now) <= state.electionMs : leader !== null,
    quorumSize: quorumSize(configuration.voters.length),
  };
}

function hearsItsLeader(state: RaftState, learners: number, now: number): boolean {
  const turnMs = Math.ceil(learners / learnersPerBeat) * state.heartbeatMs;
  return state.leaderContactAt !== null && now - state.leaderContactAt <= silentTimeouts * (state.electionMs + turnMs);
}
