/**
 * Replication, leader's side: append, send in batches and pipelined, count, commit.
 *
 * Invariants: only entries of the leader's own term are committed by counting (older ones come with them); the leader counts itself only up to what
 * its own disk has; what is on the way to a peer is bounded.
 */
import { invariant } from '../../../kernel/errors';
import type { RaftConfiguration } from '../../store';
import { configurationOf, isVoter, membersOf } from './configuration';
import { append, cut, lastAtMost, lastIndex, lastTerm, slice, termAt } from './log';
import { type AppendAnswer, type Entry, memberKey, type Progress } from './model';
import { reachedByMajority } from './quorum';
import { answerReads } from './reads';
import { sendSnapshotChunk } from './snapshot-transfer';
import { becomeFollower, passiveRole, setLeading, setProgress, type Work } from './work';

/** Appends to this node's log, cutting a conflicting tail first, and keeps the list of configurations in step. */
export function storeEntries(work: Work, entries: readonly Entry[]): void {
  const { state } = work;
  const first = entries[0];
  if (!first) return;
  if (first.index <= lastIndex(state.log)) {
    invariant(first.index > state.commitIndex, 'raft: a committed entry would be overwritten');
    state.log = cut(state.log, first.index);
    state.durableIndex = Math.min(state.durableIndex, first.index - 1);
    state.configurations = state.configurations.filter((item) => item.index < first.index);
  }
  state.log = append(state.log, entries);
  const found = entries.filter((entry) => entry.kind === 'configuration');
  if (found.length > 0) {
    const parsed = found.map((entry) => ({
      index: entry.index,
      configuration: JSON.parse(entry.data) as RaftConfiguration,
    }));
    state.configurations = [...state.configurations, ...parsed];
  }
  work.appendedFrom = Math.min(work.appendedFrom ?? first.index, first.index);
  if (state.role === 'follower' || state.role === 'learner') state.role = passiveRole(state);
}

/** Leader: new entries of its own term. Returns the first index. */
export function appendEntries(work: Work, items: readonly Pick<Entry, 'kind' | 'data'>[]): number {
  const { state } = work;
  const first = lastIndex(state.log) + 1;
  storeEntries(
    work,
    items.map((item, at) => ({ index: first + at, term: state.term, kind: item.kind, data: item.data })),
  );
  return first;
}

export function broadcastAppends(work: Work, heartbeat: boolean): void {
  for (const key of work.state.leading!.peers.keys()) sendAppends(work, key, heartbeat);
}

/** Sends what the peer's window allows. `force`: at least one message, so that a heartbeat, a round or a commit index gets through. */
export function sendAppends(work: Work, key: string, force: boolean): void {
  const { state } = work;
  let progress = state.leading!.peers.get(key)!;
  if (progress.mode === 'snapshot') {
    if (force || !progress.waiting) sendSnapshotChunk(work, key);
    return;
  }
  if (progress.next <= state.log.base) return sendSnapshotChunk(work, key);
  let sent = false;
  while (progress.next <= lastIndex(state.log) && windowOpen(work, progress)) {
    const entries = slice(state.log, progress.next, state.limits.maxBatchBytes);
    sendAppend(work, progress, entries);
    sent = true;
    const last = entries[entries.length - 1]!.index;
    const bytes = entries.reduce((sum, entry) => sum + entry.data.length, 0);
    if (progress.mode === 'probe') {
      setProgress(work, key, { waiting: true });
      return;
    }
    setProgress(work, key, {
      next: last + 1,
      inflight: [...progress.inflight, { last, bytes }],
      inflightBytes: progress.inflightBytes + bytes,
    });
    progress = state.leading!.peers.get(key)!;
  }
  if (force && !sent) sendAppend(work, progress, []);
}

function windowOpen(work: Work, progress: Progress): boolean {
  if (progress.mode === 'probe') return !progress.waiting;
  const { maxInflight, maxInflightBytes } = work.state.limits;
  return progress.inflight.length < maxInflight && progress.inflightBytes < maxInflightBytes;
}

function sendAppend(work: Work, progress: Progress, entries: readonly Entry[]): void {
  const { state } = work;
  const prevIndex = progress.next - 1;
  const prevTerm = termAt(state.log, prevIndex);
  invariant(prevTerm !== null, 'raft: the entry before the next one is gone');
  work.sends.push({
    kind: 'append',
    from: state.self,
    to: progress.member,
    term: state.term,
    prevIndex,
    prevTerm,
    entries,
    commit: state.commitIndex,
    round: state.leading!.round,
    asVoter: isVoter(configurationOf(state), memberKey(progress.member)),
  });
}

export function onAppendAnswer(work: Work, message: AppendAnswer): void {
  const { state } = work;
  if (message.term > state.term) return becomeFollower(work, message.term, null);
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
  if (work.state.leading) sendAppends(work, key, false);
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

export function logIsAtLeast(work: Work, index: number, term: number): boolean {
  const { log } = work.state;
  return lastTerm(log) > term || (lastTerm(log) === term && lastIndex(log) >= index);
}
