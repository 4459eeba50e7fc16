/** Messages and states as lines of text, for golden transcripts and for people who debug. */
import { lastIndex } from './log';
import type { Effect, Message, RaftState } from './model';

export function describeMessage(message: Message): string {
  const head = `${message.from.id}→${message.to.id} ${message.kind} term=${message.term}`;
  switch (message.kind) {
    case 'pre-vote':
      return `${head} last=${message.lastIndex}/${message.lastTerm}`;
    case 'vote':
      return `${head} last=${message.lastIndex}/${message.lastTerm}${message.transfer ? ' transfer' : ''}`;
    case 'pre-vote-answer':
    case 'vote-answer':
      return `${head} ${message.granted ? 'granted' : 'refused'}`;
    case 'append': {
      const entries = message.entries.map((entry) => `${entry.index}/${entry.term}:${entry.kind}`).join(' ');
      return `${head} prev=${message.prevIndex}/${message.prevTerm} commit=${message.commit} round=${message.round} [${entries}]`;
    }
    case 'append-answer':
      return message.ok
        ? `${head} match=${message.match} round=${message.round}`
        : `${head} rejects prev=${message.prevIndex} hint=${message.hintIndex}/${message.hintTerm}`;
    case 'snapshot':
      return `${head} index=${message.index}/${message.snapshotTerm} offset=${message.offset} chars=${message.chunk.length}${message.last ? ' last' : ''}`;
    case 'snapshot-answer':
      return `${head} index=${message.index} ${message.installed ? `installed match=${message.match}` : `next=${message.nextOffset}`}`;
    case 'timeout-now':
      return head;
  }
}

/** Null: nothing a reader wants to see on its own. */
export function describeEffect(effect: Effect): string | null {
  switch (effect.kind) {
    case 'persist': {
      const hard = effect.hardState ? ` term=${effect.hardState.term} vote=${effect.hardState.vote ?? '-'}` : '';
      const entries = effect.entries.map((entry) => ` ${entry.index}/${entry.term}`).join('');
      const rest = `${effect.snapshot ? ` snapshot=${effect.snapshot.index}` : ''}${effect.rewrite ? ' rewrite' : ''}`;
      return hard || entries || rest ? `persist${hard}${entries && ` entries${entries}`}${rest}` : null;
    }
    case 'send':
      return null;
    case 'apply':
      return `apply ${effect.entries.map((entry) => `${entry.index}/${entry.term}`).join(' ')}`;
    case 'restore':
      return `restore ${effect.snapshot.index}`;
    case 'proposed':
      return `proposed ${effect.firstIndex}/${effect.term}`;
    case 'refused':
      return `refused ${effect.what}: ${effect.reason}`;
    case 'read-ready':
      return `read ${effect.id} ready at ${effect.index}`;
    case 'read-refused':
      return `read ${effect.id} refused: ${effect.reason}`;
    case 'role':
      return `${effect.role} in term ${effect.term}, leader ${effect.leader?.id ?? '-'}`;
    case 'fatal':
      return `fatal: ${effect.reason}`;
  }
}

export function describeState(state: RaftState): string {
  const voters = state.configurations[state.configurations.length - 1]?.configuration.voters ?? [];
  return `${state.self.id} ${state.role} term=${state.term} leader=${state.leader?.id ?? '-'} last=${lastIndex(state.log)} commit=${state.commitIndex} applied=${state.appliedIndex} voters=${voters.map((member) => `${member.id}@${member.incarnation}`).join(',')}`;
}
