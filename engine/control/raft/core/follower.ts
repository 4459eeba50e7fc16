/**
 * The follower's side of replication.
 *
 * Invariants: an acknowledgement names only what is fsynced (every answer travels in a persist effect); a log is cut only on a real conflict, never
 * because a message is old; the commit index never passes what the leader's message has shown to match.
 */
import { invariant } from '../../../kernel/errors';
import { configurationOf } from './configuration';
import { storeEntries } from './entries';
import { emptyLog, firstOfTerm, lastIndex, termAt } from './log';
import { type Append, memberKey, type SnapshotChunk } from './model';
import { becomeFollower, passiveRole, resetElectionTimer, type Work } from './work';

/** False: the message is from an old term and was answered so. True: its sender is this term's leader. */
function followLeader(work: Work, message: Append | SnapshotChunk): boolean {
  const { state } = work;
  if (message.term < state.term) {
    // Tells a deposed leader the new term; without this a node with a higher term could never be reached again.
    const answer = { from: state.self, to: message.from, term: state.term, round: 0 };
    work.afterPersist.push({ kind: 'append-answer', ...answer, prevIndex: 0, ok: false, hintIndex: 0, hintTerm: 0 });
    return false;
  }
  if (configurationOf(state).voters.length === 0 && message.asVoter) {
    work.effects.push({ kind: 'fatal', reason: 'directory-emptied' });
    return false;
  }
  invariant(
    state.role !== 'leader' || message.term > state.term,
    `raft: two leaders in term ${state.term}: ${state.self.id} and ${message.from.id}`,
  );
  if (message.term > state.term || state.role !== passiveRole(state) || !state.leader) {
    becomeFollower(work, message.term, message.from);
  }
  invariant(
    memberKey(state.leader!) === memberKey(message.from),
    `raft: two leaders in term ${state.term}: ${state.leader!.id} and ${message.from.id}`,
  );
  state.leaderContactAt = work.now;
  resetElectionTimer(work);
  return true;
}

export function onAppend(work: Work, message: Append): void {
  if (!followLeader(work, message)) return;
  const { state } = work;
  const answer = {
    kind: 'append-answer',
    from: state.self,
    to: message.from,
    term: state.term,
    round: message.round,
    prevIndex: message.prevIndex,
  } as const;
  const end = message.prevIndex + message.entries.length;
  if (message.prevIndex < state.commitIndex && message.prevIndex < state.log.base) {
    // What lies at or below the commit index is the same everywhere.
    work.afterPersist.push({ ...answer, ok: true, match: Math.min(state.commitIndex, lastIndex(state.log)) });
    return;
  }
  const ours = termAt(state.log, message.prevIndex);
  if (!state.writable) {
    if (ours === message.prevTerm) followCommit(work, message);
    return;
  }
  if (ours !== message.prevTerm) {
    const conflict = ours === null ? lastIndex(state.log) : firstOfTerm(state.log, message.prevIndex) - 1;
    const hintIndex = Math.max(conflict, Math.min(state.commitIndex, message.prevIndex));
    work.afterPersist.push({ ...answer, ok: false, hintIndex, hintTerm: termAt(state.log, hintIndex) ?? 0 });
    return;
  }
  const fresh = message.entries.findIndex((entry) => termAt(state.log, entry.index) !== entry.term);
  if (fresh >= 0) storeEntries(work, message.entries.slice(fresh));
  state.commitIndex = Math.max(state.commitIndex, Math.min(message.commit, end));
  work.afterPersist.push({ ...answer, ok: true, match: end });
}

/** What it holds already may be committed by others; nothing new is taken. */
function followCommit(work: Work, message: Append): void {
  const { state } = work;
  const fresh = message.entries.find((entry) => termAt(state.log, entry.index) !== entry.term);
  const held = fresh ? fresh.index - 1 : message.prevIndex + message.entries.length;
  state.commitIndex = Math.max(state.commitIndex, Math.min(message.commit, held));
}

/** Collects chunks in order; a gap or another snapshot starts over at the offset the answer asks for. */
export function onSnapshotChunk(work: Work, message: SnapshotChunk): void {
  if (!followLeader(work, message)) return;
  const { state } = work;
  if (!state.writable) return;
  const answer = {
    kind: 'snapshot-answer',
    from: state.self,
    to: message.from,
    term: state.term,
    round: message.round,
    index: message.index,
  } as const;
  const held = termAt(state.log, message.index) === message.snapshotTerm;
  if (message.index <= state.commitIndex || held) {
    // Never throw away entries that were acknowledged: the snapshot only says that they are committed.
    state.commitIndex = Math.max(state.commitIndex, message.index);
    state.incoming = null;
    work.afterPersist.push({ ...answer, nextOffset: 0, installed: true, match: message.index });
    return;
  }
  const same = state.incoming?.index === message.index && state.incoming.leaderTerm === message.term;
  const { parts, chars } = same ? state.incoming! : { parts: [], chars: 0 };
  if (message.offset !== chars) {
    work.afterPersist.push({ ...answer, nextOffset: chars, installed: false, match: 0 });
    return;
  }
  const collected = [...parts, message.chunk];
  const nextOffset = chars + message.chunk.length;
  if (!message.last) {
    const { index, snapshotTerm: term } = message;
    state.incoming = { index, term, leaderTerm: message.term, parts: collected, chars: nextOffset };
    work.afterPersist.push({ ...answer, nextOffset, installed: false, match: 0 });
    return;
  }
  install(work, message, collected);
  work.afterPersist.push({ ...answer, nextOffset, installed: true, match: message.index });
}

function install(work: Work, message: SnapshotChunk, parts: readonly string[]): void {
  const { state } = work;
  const { index, snapshotTerm: term, configuration } = message;
  const snapshot = { index, term, configuration, parts };
  state.incoming = null;
  state.snapshot = snapshot;
  state.log = emptyLog(index, term);
  state.configurations = [{ index, configuration }];
  state.durableIndex = index;
  state.commitIndex = index;
  state.appliedIndex = index;
  state.role = passiveRole(state);
  work.install = snapshot;
  work.effects.push({ kind: 'restore', snapshot });
}
