/**
 * Independent checkers: they look at logs, applied entries and histories from outside and share no code with the protocol.
 * The first violation throws; the seed replays it.
 */
import type { Txn } from '../../store';
import type { Entry, Snapshot } from '../core/model';

export class Violation extends Error {
  constructor(
    readonly checker: string,
    message: string,
  ) {
    super(`${checker}: ${message}`);
  }
}

/** Election safety, log matching, state-machine safety, leader completeness. */
export class LogChecker {
  readonly #leaderOfTerm = new Map<number, string>();
  /** index → term → content and term of the entry before. */
  readonly #seen: Map<number, { readonly data: string; readonly kind: string; previous: number | null }>[] = [];
  readonly #applied: ({ readonly term: number; readonly data: string } | undefined)[] = [];
  #lastCommitted = { index: 1, term: 1 };

  leaderElected(node: string, term: number, termAt: (index: number) => number | null): void {
    const known = this.#leaderOfTerm.get(term);
    if (known !== undefined && known !== node) {
      throw new Violation('election safety', `${known} and ${node} both lead term ${term}`);
    }
    this.#leaderOfTerm.set(term, node);
    this.leaderHolds(node, term, termAt);
  }

  /** A leader of a later term holds the last committed entry. */
  leaderHolds(node: string, term: number, termAt: (index: number) => number | null): void {
    const { index, term: committedIn } = this.#lastCommitted;
    if (committedIn >= term) return;
    const held = termAt(index);
    if (held !== committedIn) {
      throw new Violation(
        'leader completeness',
        `${node} leads term ${term} with term ${held} at ${index}, where term ${committedIn} is committed`,
      );
    }
  }

  appended(entries: readonly Entry[], previousTerm: number | null): void {
    let previous = previousTerm;
    for (const entry of entries) {
      this.#seen[entry.index] ??= new Map();
      const terms = this.#seen[entry.index]!;
      const known = terms.get(entry.term);
      if (!known) terms.set(entry.term, { data: entry.data, kind: entry.kind, previous });
      else if (known.data !== entry.data || known.kind !== entry.kind) {
        throw new Violation('log matching', `two entries at index ${entry.index} in term ${entry.term}`);
      } else if (known.previous === null) known.previous = previous;
      else if (previous !== null && known.previous !== previous) {
        throw new Violation(
          'log matching',
          `entry ${entry.index} of term ${entry.term} follows term ${known.previous} here and term ${previous} there`,
        );
      }
      previous = entry.term;
    }
  }

  applied(node: string, entries: readonly Entry[]): boolean {
    for (const entry of entries) {
      const known = this.#applied[entry.index];
      if (!known) this.#applied[entry.index] = { term: entry.term, data: entry.data };
      else if (known.term !== entry.term || known.data !== entry.data) {
        throw new Violation(
          'state-machine safety',
          `${node} applies term ${entry.term} at ${entry.index}, another node applied term ${known.term}`,
        );
      }
    }
    const last = entries[entries.length - 1];
    if (!last || last.index <= this.#lastCommitted.index) return false;
    this.#lastCommitted = { index: last.index, term: last.term };
    return true;
  }
}

/** How many of the newest transactions every snapshot must remember, whatever the pace of the run. */
const mustRemember = 30;

/** The state machine a second time, naive: what a snapshot at an index must say is counted here, entry by entry. */
export class ReferenceChecker {
  /** index → the store's revision, and how many transactions were decided by then. */
  readonly #at: { readonly revision: number; readonly decided: number }[] = [
    { revision: 0, decided: 0 },
    { revision: 0, decided: 0 },
  ];
  readonly #decided: string[] = [];
  readonly #ids = new Set<string>();
  readonly #pairs = new Map<string, { readonly revision: number; readonly value: unknown }>();
  #revision = 0;

  applied(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index !== this.#at.length) continue;
      if (entry.kind === 'txn') this.#transaction(JSON.parse(entry.data) as { readonly id: string; readonly txn: Txn });
      this.#at.push({ revision: this.#revision, decided: this.#decided.length });
    }
  }

  snapshot(node: string, { index, parts }: Snapshot): void {
    const wanted = this.#at[index];
    const text = parts.join('');
    if (!wanted || text === '') return;
    const { revision, seen } = JSON.parse(text) as {
      readonly revision: number;
      readonly seen: readonly [string, number][];
    };
    if (revision !== wanted.revision) {
      throw new Violation(
        'snapshots',
        `that of ${node} at ${index} has revision ${revision}, the entries up to there make ${wanted.revision}`,
      );
    }
    const ids = new Set(seen.map(([id]) => id));
    const newest = this.#decided.slice(Math.max(0, wanted.decided - mustRemember), wanted.decided);
    const forgotten = newest.find((id) => !ids.has(id));
    if (forgotten) throw new Violation('snapshots', `that of ${node} at ${index} forgets transaction ${forgotten}`);
  }

  #transaction({ id, txn }: { readonly id: string; readonly txn: Txn }): void {
    if (this.#ids.has(id)) return;
    const record =
      txn.leaseGuard && (this.#pairs.get(`groups/${txn.leaseGuard.group}`)?.value as GroupRecord | undefined);
    const free = !record || record.primary === null || record.leaseReleased === true;
    if (!free && record.epoch !== txn.leaseGuard?.epoch) return;
    this.#ids.add(id);
    this.#decided.push(id);
    if (txn.compare.some(({ key, modRevision }) => (this.#pairs.get(key)?.revision ?? 0) !== modRevision)) return;
    this.#revision++;
    for (const change of txn.mutations) {
      if (change.kind === 'put') this.#pairs.set(change.key, { revision: this.#revision, value: change.value });
    }
  }
}

type GroupRecord = { readonly epoch: number; readonly primary: string | null; readonly leaseReleased: boolean };

/**
 * Linearizability of single keys. Each change of a key has a revision that is used once, so a history is linearizable when every answer shows a revision
 * not older than any shown before the question was asked, one revision always has one value, and no revision is replaced twice.
 */
export class HistoryChecker {
  readonly #newest = new Map<string, number>();
  readonly #valueAt = new Map<string, string>();
  readonly #replaced = new Map<string, string>();
  readonly #failed = new Set<string>();
  reads = 0;
  writes = 0;

  /** Call when the question is asked; give the result to `answered`. */
  asked(key: string): number {
    return this.#newest.get(key) ?? 0;
  }

  answered(key: string, floor: number, modRevision: number, value: string | null): void {
    this.reads++;
    if (modRevision < floor) {
      throw new Violation('linearizable reads', `${key} shows revision ${modRevision} after ${floor} was shown`);
    }
    this.#remember(key, modRevision, value);
  }

  swapped(key: string, expected: number, revision: number, value: string): void {
    this.writes++;
    const slot = `${key}@${expected}`;
    const other = this.#replaced.get(slot);
    if (other !== undefined && other !== value) {
      throw new Violation(
        'compare-and-swap',
        `revision ${expected} of ${key} was replaced by ${other} and by ${value}`,
      );
    }
    if (revision <= expected) throw new Violation('compare-and-swap', `revision ${revision} replaces ${expected}`);
    this.#replaced.set(slot, value);
    this.#remember(key, revision, value);
  }

  /** Written whatever was there. */
  put(key: string, floor: number, revision: number, value: string): void {
    this.writes++;
    if (revision <= floor)
      throw new Violation('linearizable writes', `${value} of ${key} is at ${revision}, ${floor} was shown before`);
    this.#remember(key, revision, value);
  }

  /** Its caller was told that `value` was not written: nobody may ever see it. */
  refused(key: string, value: string): void {
    this.#failed.add(value);
    for (const [slot, seen] of this.#valueAt) {
      if (seen === value)
        throw new Violation('compare-and-swap', `${value} of ${slot} was told to have failed (${key})`);
    }
  }

  acknowledged(): ReadonlyMap<string, number> {
    return this.#newest;
  }

  #remember(key: string, revision: number, value: string | null): void {
    const slot = `${key}@${revision}`;
    const known = this.#valueAt.get(slot);
    const text = value ?? '';
    if (this.#failed.has(text))
      throw new Violation('compare-and-swap', `${text} is in ${key} and was told to have failed`);
    if (known !== undefined && known !== text) {
      throw new Violation('linearizable reads', `revision ${revision} of ${key} was ${known} and is ${text}`);
    }
    this.#valueAt.set(slot, text);
    if (revision > (this.#newest.get(key) ?? 0)) this.#newest.set(key, revision);
  }
}

/** No two nodes believe in one group's lease at one moment of true time. */
export class LeaseChecker {
  readonly #holders = new Map<string, { readonly node: string; readonly holds: () => boolean }>();
  handovers = 0;

  /** `node` begins or goes on to believe now; `holds` says at any later moment whether it still does. */
  believes(group: string, node: string, holds: () => boolean): void {
    const known = this.#holders.get(group);
    if (known && known.node !== node) {
      if (known.holds()) throw new Violation('lease exclusivity', `${known.node} and ${node} both hold ${group}`);
      this.handovers++;
    }
    this.#holders.set(group, { node, holds });
  }
}
