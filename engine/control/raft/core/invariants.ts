/** What must hold after every step, checked in production too: a violation is a bug and stops the process before anything leaves it. */
import { invariant } from '../../../kernel/errors';
import { configurationOf, isVoter } from './configuration';
import { lastIndex } from './log';
import type { RaftState } from './model';

export function assertInvariants(before: RaftState, state: RaftState): void {
  invariant(state.term >= before.term, 'raft: the term went back');
  invariant(
    state.term > before.term || before.vote === null || state.vote === before.vote,
    'raft: a second vote in one term',
  );
  invariant(state.commitIndex >= before.commitIndex, 'raft: the commit index went back');
  invariant(state.appliedIndex >= before.appliedIndex, 'raft: the applied index went back');
  const last = lastIndex(state.log);
  invariant(state.appliedIndex <= state.commitIndex && state.commitIndex <= last, 'raft: applied ≤ committed ≤ last');
  invariant(state.durableIndex <= last, 'raft: durable beyond the log');
  invariant(state.log.base <= state.appliedIndex, 'raft: compacted beyond what is applied');
  invariant((state.snapshot?.index ?? 0) >= state.log.base, 'raft: the log starts after the snapshot');
  const voters = configurationOf(state).voters.length;
  invariant(voters <= state.limits.maxVoters, 'raft: too many voters');
  const leader = state.role === 'leader';
  invariant(leader === (state.leading !== null), 'raft: leader state without leading');
  if (state.leading) {
    const { leading } = state;
    invariant(isVoter(configurationOf(state), state.selfKey), 'raft: a leader that is no voter');
    invariant(leading.reads.length <= state.limits.maxPendingReads, 'raft: too many reads wait');
    invariant(leading.confirmedRound <= leading.round, 'raft: a round confirmed before it began');
    // Peers that this step left alone were looked at before, and a leader's log only grows: a thousand learners are not walked for each message.
    const known = before.leading?.peers;
    for (const [key, peer] of known === leading.peers ? [] : leading.peers) {
      if (known?.get(key) === peer) continue;
      invariant(peer.match < peer.next || peer.mode === 'snapshot', 'raft: next must lie after match');
      invariant(peer.match <= last && peer.next <= last + 1, 'raft: a peer beyond the log');
      invariant(peer.inflight.length <= state.limits.maxInflight, 'raft: too many appends on the way');
    }
  }
  invariant(
    state.role !== 'candidate' || state.vote === state.selfKey,
    'raft: a candidate votes for itself in its own term',
  );
}
