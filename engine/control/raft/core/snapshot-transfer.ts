/** Sending a snapshot to a peer that is too far behind: one chunk on the way, repeated at each heartbeat until answered. */
import { configurationOf, isVoter } from './configuration';
import { termAt } from './log';
import { memberKey, type RaftState, type Snapshot, type SnapshotAnswer } from './model';
import { answerReads } from './reads';
import { acknowledged, continueTransfer, sendAppends } from './replication';
import { becomeFollower, setProgress, type Work } from './work';

export function sendSnapshotChunk(work: Work, key: string): void {
  const { state } = work;
  const progress = state.leading!.peers.get(key)!;
  const transfer = progress.snapshot ?? (state.snapshot && { source: state.snapshot, offset: 0 });
  if (!transfer) return;
  setProgress(work, key, { mode: 'snapshot', snapshot: transfer, waiting: true, inflight: [], inflightBytes: 0 });
  const { source, offset } = transfer;
  const chunk = source.data.slice(offset, offset + state.limits.chunkChars);
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
    last: offset + chunk.length >= source.data.length,
    round: state.leading!.round,
    asVoter: isVoter(configurationOf(state), memberKey(progress.member)),
  });
}

export function onSnapshotAnswer(work: Work, message: SnapshotAnswer): void {
  const { state } = work;
  if (message.term > state.term) return becomeFollower(work, message.term, null);
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

/** The snapshot of a state machine that stands at `index`; null when the log no longer (or not yet) reaches there. */
export function snapshotAt(state: RaftState, index: number, data: string): Snapshot | null {
  const term = termAt(state.log, index);
  const covered = state.configurations.filter((item) => item.index <= index);
  const configuration = covered[covered.length - 1]?.configuration;
  return term === null || !configuration ? null : { index, term, configuration, data };
}
