/** Writing to this node's own log: every entry enters through here, so the list of configurations stays in step with the log. */
import { invariant } from '../../../kernel/errors';
import type { RaftConfiguration } from '../../store';
import { append, cut, lastIndex, termAt } from './log';
import type { Entry, RaftState, SnapshotHead } from './model';
import { passiveRole, type Work } from './work';

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

/** The snapshot of a state machine that stands at `index`; null when the log no longer (or not yet) reaches there. */
export function snapshotAt(state: RaftState, index: number): SnapshotHead | null {
  const term = termAt(state.log, index);
  const covered = state.configurations.filter((item) => item.index <= index);
  const configuration = covered[covered.length - 1]?.configuration;
  return term === null || !configuration ? null : { index, term, configuration };
}
