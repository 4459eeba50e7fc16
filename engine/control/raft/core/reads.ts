/**
 * Read index: a read is answered from the state at the commit index that stood when it came, after a majority confirmed in a round started later that
 * this node still leads. No lease reads: clocks are not trusted for reads.
 */
import { configurationOf } from './configuration';
import { memberKey } from './model';
import { reachedByMajority } from './quorum';
import { broadcastRound } from './sending';
import { setLeading, type Work } from './work';

/** A patient read costs no messages: the next round that starts, at the latest with the next heartbeat, confirms it. */
export function requestRead(work: Work, id: number, patient: boolean): void {
  const { state } = work;
  const leading = state.leading;
  const refuse = (reason: 'not-leader' | 'not-ready' | 'too-many-reads') =>
    work.effects.push({ kind: 'read-refused', id, reason });
  if (!leading) return void refuse('not-leader');
  if (state.commitIndex < leading.noopIndex) return void refuse('not-ready');
  if (leading.reads.length >= state.limits.maxPendingReads) return void refuse('too-many-reads');
  const idle = leading.confirmedRound === leading.round;
  const round = leading.round + 1;
  setLeading(work, { reads: [...leading.reads, { id, index: state.commitIndex, round }] });
  // While a round is under way, later reads gather for the next one. The round of a sole voter costs no message, so nobody waits for it.
  const alone = configurationOf(state).voters.length === 1;
  if (idle && (!patient || alone)) startRound(work);
}

export function startRound(work: Work): void {
  setLeading(work, { round: work.state.leading!.round + 1 });
  broadcastRound(work);
  answerReads(work);
}

/** Called whenever a peer has answered: which round does a majority confirm by now? */
export function answerReads(work: Work): void {
  const { state } = work;
  const leading = state.leading;
  if (!leading) return;
  const rounds = configurationOf(state).voters.map((member) => {
    const key = memberKey(member);
    return key === state.selfKey ? leading.round : (leading.peers.get(key)?.round ?? 0);
  });
  const confirmed = Math.max(leading.confirmedRound, reachedByMajority(rounds));
  if (confirmed === leading.confirmedRound) return;
  const open = leading.reads.filter((read) => read.round > confirmed);
  for (const read of leading.reads) {
    if (read.round <= confirmed) work.effects.push({ kind: 'read-ready', id: read.id, index: read.index });
  }
  setLeading(work, { confirmedRound: confirmed, reads: open });
  if (open.length > 0 && confirmed === leading.round) startRound(work);
}
