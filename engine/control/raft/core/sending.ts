/**
 * What the leader puts on the way to a peer: entries in batches and pipelined, or a snapshot in chunks.
 *
 * Invariants: what is on the way to a peer is bounded (count and bytes; one probe; one chunk); a lost message is repeated by the next heartbeat.
 */
import { invariant } from '../../../kernel/errors';
import { configurationOf, isVoter } from './configuration';
import { lastIndex, slice, termAt } from './log';
import { type Entry, memberKey, type Progress } from './model';
import { setProgress, type Work } from './work';

export function broadcastAppends(work: Work, heartbeat: boolean): void {
  for (const key of work.state.leading!.peers.keys()) sendAppends(work, key, heartbeat);
}

/** Rounds and heartbeats of voters decide who leads; a learner only needs to hear now and then what it may have missed. */
const learnersPerBeat = 64;

/** Only voters confirm a round, so only they are asked. */
export function broadcastRound(work: Work): void {
  for (const key of voterPeers(work)) sendAppends(work, key, true);
}

/** Every voter, and learners in turns of at most `learnersPerBeat`: the cost of a beat is bounded whatever the size of the cluster. */
export function broadcastBeat(work: Work): void {
  const voters = voterPeers(work);
  const { peers, beat } = work.state.leading!;
  const turns = Math.max(1, Math.ceil((peers.size - voters.size) / learnersPerBeat));
  let learner = 0;
  for (const key of peers.keys()) {
    if (voters.has(key) || learner++ % turns === beat % turns) sendAppends(work, key, true);
  }
}

function voterPeers(work: Work): ReadonlySet<string> {
  const { peers } = work.state.leading!;
  return new Set(
    configurationOf(work.state)
      .voters.map(memberKey)
      .filter((key) => peers.has(key)),
  );
}

/** Sends what the peer's window allows. `force`: at least one message, so that a heartbeat, a round or a commit index gets through. */
export function sendAppends(work: Work, key: string, force: boolean): void {
  const { state } = work;
  let progress = state.leading!.peers.get(key)!;
  if (progress.mode === 'snapshot') {
    if (force || !progress.waiting) sendSnapshotChunk(work, key);
    return;
  }
  if (progress.next <= state.log.base) {
    sendSnapshotChunk(work, key);
    return;
  }
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

export function sendSnapshotChunk(work: Work, key: string): void {
  const { state } = work;
  const progress = state.leading!.peers.get(key)!;
  const transfer = progress.snapshot ?? (state.snapshot && { source: state.snapshot, offset: 0 });
  if (!transfer) return;
  setProgress(work, key, { mode: 'snapshot', snapshot: transfer, waiting: true, inflight: [], inflightBytes: 0 });
  const { source, offset } = transfer;
  const { chunk, last } = chunkAt(source.parts, offset, state.limits.chunkChars);
  work.sends.push({
    kind: 'snapshot',
    from: state.self,
    to: progress.member,
    term: state.term,
    index: source.index,
    snapshotTerm: source.term,
    configuration: source.configuration,
    offset,
    chunk,
    last,
    round: state.leading!.round,
    asVoter: isVoter(configurationOf(state), memberKey(progress.member)),
  });
}

/** From `offset` to the end of the part that it lies in, at most `maxChars`: parts are never joined. */
export function chunkAt(
  parts: readonly string[],
  offset: number,
  maxChars: number,
): { readonly chunk: string; readonly last: boolean } {
  let start = 0;
  for (const [at, part] of parts.entries()) {
    const from = offset - start;
    start += part.length;
    if (from >= part.length) continue;
    const chunk = part.slice(from, from + maxChars);
    const rest = from + chunk.length < part.length || parts.slice(at + 1).some((later) => later.length > 0);
    return { chunk, last: !rest };
  }
  return { chunk: '', last: true };
}
