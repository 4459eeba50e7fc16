/**
 * What becomes of a prepared transaction, in sentences: one verdict from what the coordinator decided. Pure. What is not ours is never given
 * another verdict than `foreign`, and what nobody can tell now is `unknown`, not `abort`.
 */
import type { Decision, PreparedTransaction, Verdict } from '@/engine/xa/door';

/** `silent`: the coordinator does not answer. `hidden`: the caller may not ask it. Null: it was not asked, the transaction is foreign. */
export type Known = Decision | 'silent' | 'hidden' | null;

export type Place = {
  /** Null: a resource manager outside. */
  readonly group: string | null;
  /** The group has a primary that carries out decisions. */
  readonly served: boolean;
};

export function verdictOf(known: Known): Verdict {
  if (known === null) return 'foreign';
  if (typeof known === 'string') return 'unknown';
  return known.decision === 'active' ? 'undecided' : known.decision;
}

export function verdictSentence(known: Known, now: number): string {
  if (known === null) return 'foreign: not ours, shown only';
  if (known === 'silent') return 'unknown: the coordinator does not answer';
  if (known === 'hidden') return 'unknown: this key is limited to groups and may not ask the coordinator';
  const { decision, decidedAt, decidedBy } = known;
  const when = decidedAt === null ? '' : ` ${spell(now - Date.parse(decidedAt))} ago`;
  const who = decidedBy === null ? '' : ` by ${decidedBy}`;
  switch (decision) {
    case 'commit':
      return `commit: decided${when}${who}`;
    case 'abort':
      // Nobody wrote down whose it was: who asked about it found no decision.
      return known.xid === null ? 'abort: never decided' : `abort: decided${when}${who}`;
    case 'active':
      return 'undecided: its transaction is still open';
    case 'unknown':
      return 'unknown: it is older than the decisions that are kept';
  }
}

export function nextOf(known: Known, prepared: PreparedTransaction, place: Place): string {
  const verdict = verdictOf(known);
  if (verdict === 'foreign') {
    const where = prepared.database === null ? 'there' : `in database ${prepared.database}`;
    return `Nothing by itself: whoever prepared it ends it ${where}, with COMMIT PREPARED or ROLLBACK PREPARED`;
  }
  if (known === 'silent') return 'It is ended as decided as soon as the coordinator group has a primary that answers';
  if (known === 'hidden') return 'It is ended as the coordinator decided';
  if (verdict === 'unknown') return 'Nothing by itself: an administrator has to end it';
  if (verdict === 'undecided') {
    return 'Its caller commits it or rolls it back; at its deadline it is rolled back within a second';
  }
  const what = verdict === 'commit' ? 'committed' : 'rolled back';
  if (place.group === null) return `It is ${what} at the next try, within 30 s once the server answers`;
  if (!place.served) return `It is ${what} within seconds once ${place.group} has a primary`;
  return `It is ${what} within a second`;
}

export function blocksOf({ locks, waitingPids, horizonTransactions, walBytes }: PreparedTransaction): string {
  if (locks === null && horizonTransactions === null && walBytes === null) return 'The server does not tell';
  const parts = [
    waitingPids.length > 0
      ? `${waitingPids.length} ${waitingPids.length === 1 ? 'session waits' : 'sessions wait'}`
      : null,
    locks !== null && locks > 0 ? `it holds ${locks} ${locks === 1 ? 'lock' : 'locks'}` : null,
    horizonTransactions ? `vacuum is held back by ${grouped(horizonTransactions)} transactions` : null,
    walBytes ? `a restart reads ${spellBytes(walBytes)} of WAL for it` : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? 'Nothing' : capitalised(parts.join(', '));
}

/** What follows from ending it in this way. */
export function consequencesOf(known: Known, outcome: 'commit' | 'rollback', prepared: PreparedTransaction): string[] {
  const done = outcome === 'commit' ? 'committed' : 'rolled back';
  const others = 'the other branches of its transaction';
  const released = prepared.waitingPids.length > 0 ? [`${blockedBy(prepared.waitingPids)} can go on.`] : [];
  const certain = [
    `The changes of this branch are ${done} for good; that can't be taken back.`,
    ...released,
    'The outcome is kept in the audit log with your name and reason.',
  ];
  switch (verdictOf(known)) {
    case 'foreign':
      return ['It is not ours: the cluster refuses to touch it.'];
    case 'commit':
      return outcome === 'commit'
        ? [`It agrees with the decision: ${others} commit too.`, ...certain]
        : [`It contradicts the decision: ${others} commit, so the data no longer agree (XA_HEURMIX).`, ...certain];
    case 'abort':
      return outcome === 'rollback'
        ? [`It agrees with the decision: ${others} are rolled back too.`, ...certain]
        : [
            `It contradicts the decision: ${others} are rolled back, so the data no longer agree (XA_HEURMIX).`,
            ...certain,
          ];
    case 'undecided':
      return [
        `Its transaction is still open: ${others} may end otherwise, and then the data no longer agree (XA_HEURHAZ).`,
        ...certain,
      ];
    case 'unknown':
      return [
        `Nobody can tell now how ${others} end: compare the data of the resource managers afterwards.`,
        ...certain,
      ];
  }
}

/** Null: nobody can tell. */
export function agrees(known: Known, outcome: 'commit' | 'rollback'): boolean | null {
  const verdict = verdictOf(known);
  if (verdict === 'commit') return outcome === 'commit';
  return verdict === 'abort' ? outcome === 'rollback' : null;
}

function blockedBy(pids: readonly number[]): string {
  return pids.length === 1 ? `Session ${pids[0]}, which waits for it,` : `${pids.length} sessions that wait for it`;
}

export function spell(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

function spellBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
