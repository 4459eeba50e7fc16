/**
 * Replication, leader's side: what the answers of peers mean.
 *
 * Invariants: only entries of the leader's own term are committed by counting (older ones come with them); the leader counts itself only up to what
 * its own disk has; only listed voters count.
 */
import { configurationOf, membersOf } from './configuration';
import { lastAtMost, lastIndex, termAt } from './log';
import { type AppendAnswer, memberKey, type Progress, type SnapshotAnswer } from './model';
import { reachedByMajority } from './quorum';
import { answerReads } from './reads';
import { sendAppends } from './sending';
import { becomeFollower, setLeading, setProgress, type Work } from './work';

export function onAppendAnswer(work: Work, message: AppendAnswer): void {
  const { state } = work;
  if (message.term > state.term) {
    becomeFollower(work, message.term, null);
    return;
  }
  const key = memberKey(message.from);
  const progress = state.leading?.peers.get(key);
  if (!progress || message.term !== state.term) return;
  setProgress(work, key, { contactAt: work.now, round: Math.max(progress.round, message.round) });
  if (message.ok) {
    acknowledged(work, key, message.match);
  } else if (progress.mode !== 'snapshot') {
    rejected(work, key, message);
  }
  answerReads(work);
  continueTransfer(work, key);
}

/** The peer has everything up to `match`, on disk. */
export function acknowledged(work: Work, key: string, match: number): void {
  const progress = work.state.leading!.peers.get(key)!;
  if (progress.mode === 'snapshot') return;
  const inflight = progress.inflight.filter((item) => item.last > match);
  setProgress(work, key, {
    mode: 'replicate',
    waiting: false,
    match: Math.max(progress.match, match),
    next: Math.max(progress.next, match + 1),
    inflight,
    inflightBytes: inflight.reduce((sum, item) => sum + item.bytes, 0),
  });
  if (match > progress.match) advanceCommit(work);
  // A peer that just left probing was not told what was committed meanwhile.
  if (work.state.leading) sendAppends(work, key, progress.mode === 'probe');
}

function rejected(work: Work, key: string, message: AppendAnswer & { readonly ok: false }): void {
  const progress = work.state.leading!.peers.get(key)!;
  // An answer to something sent before the last acknowledgement says nothing new.
  if (message.prevIndex <= progress.match) return;
  if (progress.mode === 'probe' && message.prevIndex !== progress.next - 1) return;
  const { log } = work.state;
  const shared = message.hintTerm === 0 ? message.hintIndex : lastAtMost(log, message.hintIndex, message.hintTerm);
  const next = Math.max(progress.match + 1, Math.min(shared + 1, message.prevIndex));
  setProgress(work, key, { mode: 'probe', waiting: false, next, inflight: [], inflightBytes: 0 });
  sendAppends(work, key, false);
}

/** Commits what a majority of voters holds durably, if it is of this term. */
export function advanceCommit(work: Work): void {
  const { state } = work;
  const leading = state.leading;
  if (!leading) return;
  const held = configurationOf(state).voters.map((member) => {
    const key = memberKey(member);
    return key === state.selfKey ? state.durableIndex : (leading.peers.get(key)?.match ?? 0);
  });
  const index = reachedByMajority(held);
  if (index <= state.commitIndex || termAt(state.log, index) !== state.term) return;
  state.commitIndex = index;
  answerReads(work);
  // Followers serve watches and local reads: they learn of the commit now, not at the next heartbeat.
  for (const [key, progress] of leading.peers) {
    if (progress.mode === 'replicate') sendAppends(work, key, true);
  }
}

/** A transfer goes through once its target has the whole log. */
export function continueTransfer(work: Work, key: string): void {
  const { state } = work;
  const transfer = state.leading?.transfer;
  const progress = state.leading?.peers.get(key);
  if (!transfer || !progress || transfer.to !== key || transfer.sent) return;
  if (progress.match < lastIndex(state.log)) return;
  setLeading(work, { transfer: { ...transfer, sent: true } });
  work.sends.push({ kind: 'timeout-now', from: state.self, to: progress.member, term: state.term });
}

/** After a configuration entry: progress for exactly the members there are. */
export function syncPeers(work: Work, create: (member: Progress['member'], next: number) => Progress): void {
  const { state } = work;
  const leading = state.leading!;
  const peers = new Map<string, Progress>();
  for (const member of membersOf(configurationOf(state))) {
    const key = memberKey(member);
    if (key === state.selfKey) continue;
    peers.set(key, leading.peers.get(key) ?? create(member, lastIndex(state.log)));
  }
  setLeading(work, { peers });
}

export function onSnapshotAnswer(work: Work, message: SnapshotAnswer): void {
  const { state } = work;
  if (message.term > state.term) {
    becomeFollower(work, message.term, null);
    return;
  }
  const key = memberKey(message.from);
  const progress = state.leading?.peers.get(key);
  if (!progress || message.term !== state.term) return;
  setProgress(work, key, { contactAt: work.now, round: Math.max(progress.round, message.round) });
  if (progress.mode === 'snapshot' && progress.snapshot?.source.index === message.index) {
    if (message.installed) {
      setProgress(work, key, { mode: 'probe', snapshot: null, waiting: false, next: message.match + 1 });
      acknowledged(work, key, message.match);
    } else if (message.nextOffset !== progress.snapshot.offset) {
      setProgress(work, key, { snapshot: { ...progress.snapshot, offset: message.nextOffset } });
      sendAppends(work, key, true);
    }
  }
  answerReads(work);
  continueTransfer(work, key);
}
