/**
 * The log in memory as a persistent value: appending shares the backing array (as Go slices do) and copies only when another version has already
 * grown it, so a state that someone kept never changes under them.
 *
 * Invariant: indexes are contiguous from `base + 1`; the term at `base` is known.
 */
import { invariant } from '../../../kernel/errors';
import type { Entry } from './model';

export type RaftLog = {
  readonly base: number;
  readonly baseTerm: number;
  readonly backing: Entry[];
  readonly length: number;
  /** Characters of all commands held, a proxy of memory. */
  readonly chars: number;
};

export function emptyLog(base: number, baseTerm: number): RaftLog {
  return { base, baseTerm, backing: [], length: 0, chars: 0 };
}

export function lastIndex(log: RaftLog): number {
  return log.base + log.length;
}

export function lastTerm(log: RaftLog): number {
  return log.length === 0 ? log.baseTerm : log.backing[log.length - 1]!.term;
}

export function entryAt(log: RaftLog, index: number): Entry | undefined {
  const at = index - log.base - 1;
  return at >= 0 && at < log.length ? log.backing[at] : undefined;
}

/** Null: outside the log (compacted away, or not there yet). */
export function termAt(log: RaftLog, index: number): number | null {
  if (index === log.base) return log.baseTerm;
  return entryAt(log, index)?.term ?? null;
}

export function append(log: RaftLog, entries: readonly Entry[]): RaftLog {
  if (entries.length === 0) return log;
  invariant(entries[0]!.index === lastIndex(log) + 1, 'raft log: appended entries must follow the last one');
  const backing = log.backing.length === log.length ? log.backing : log.backing.slice(0, log.length);
  let chars = log.chars;
  for (const entry of entries) {
    backing.push(entry);
    chars += entry.data.length;
  }
  return { ...log, backing, length: log.length + entries.length, chars };
}

/** Drops `from` and everything after it. */
export function cut(log: RaftLog, from: number): RaftLog {
  invariant(from > log.base, 'raft log: cannot cut what is compacted');
  const length = from - log.base - 1;
  if (length >= log.length) return log;
  const backing = log.backing.slice(0, length);
  return { ...log, backing, length, chars: charsOf(backing) };
}

/** Forgets entries up to and including `upTo`. */
export function compact(log: RaftLog, upTo: number): RaftLog {
  if (upTo <= log.base) return log;
  const term = termAt(log, upTo);
  invariant(term !== null, 'raft log: cannot compact beyond the last entry');
  const backing = log.backing.slice(upTo - log.base, log.length);
  return { base: upTo, baseTerm: term, backing, length: backing.length, chars: charsOf(backing) };
}

/** Entries from `from` on, at most `maxChars` of commands but at least one entry. */
export function slice(log: RaftLog, from: number, maxChars = Number.POSITIVE_INFINITY): readonly Entry[] {
  const start = from - log.base - 1;
  invariant(start >= 0, 'raft log: slice starts before the log');
  let end = start;
  let chars = 0;
  while (end < log.length) {
    chars += log.backing[end]!.data.length + 32;
    if (chars > maxChars && end > start) break;
    end++;
  }
  return log.backing.slice(start, end);
}

/** First index whose entry has the term found at `index`. */
export function firstOfTerm(log: RaftLog, index: number): number {
  const term = termAt(log, index);
  let first = index;
  while (first - 1 > log.base && termAt(log, first - 1) === term) first--;
  return first;
}

/** Last index ≤ `from` whose term is ≤ `term`; the base if there is none. */
export function lastAtMost(log: RaftLog, from: number, term: number): number {
  let index = Math.min(from, lastIndex(log));
  while (index > log.base && (termAt(log, index) ?? 0) > term) index--;
  return index;
}

function charsOf(entries: readonly Entry[]): number {
  let chars = 0;
  for (const entry of entries) chars += entry.data.length;
  return chars;
}
