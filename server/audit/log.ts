/** Reading the audit log: recent entries from memory, older ones from the file, and the check of its chain. */
import type { AnchoredHead } from './anchors';
import type { AuditEntry, AuditFilter } from './api';
import { type ChainLine, decodeLine, genesis } from './chain';
import { allLines, finishedSegments, linesBackwards } from './segments';
import { AuditWriter } from './writer';

const remembered = 20_000;
/** No call takes longer; its outcome is looked for so far behind its intent. */
const longestCallMs = 3_600_000;

export class AuditLog {
  /** Newest last. */
  #entries: AuditEntry[] = [];
  readonly #bySequence = new Map<number, AuditEntry>();
  #forgotten = false;
  writer!: AuditWriter;
  /** Sees each entry whose outcome was written; not those that were there before. */
  onOutcome: ((entry: AuditEntry) => void) | null = null;

  static async open(directory: string, rotateBytes?: number): Promise<AuditLog> {
    const log = new AuditLog();
    log.writer = await AuditWriter.open(directory, (line) => log.#note(line), rotateBytes);
    log.#forgotten ||= (await finishedSegments(directory)).length > 0;
    return log;
  }

  async list(filter: AuditFilter) {
    const oldest = this.#entries[0]?.sequence ?? 0;
    const found = this.#select(this.#entries, filter);
    if (found.length <= filter.limit && this.#forgotten) {
      for await (const entry of this.entries({ ...filter, before: Math.min(filter.before ?? oldest, oldest) })) {
        found.push(entry);
        if (found.length > filter.limit) break;
      }
    }
    const entries = found.slice(0, filter.limit);
    return { entries, next: found.length > entries.length ? (entries.at(-1)?.sequence ?? null) : null };
  }

  /** All of them newest first, in one pass over the files: what is kept meanwhile are the outcomes of calls whose intents come later. */
  async *entries(filter: Omit<AuditFilter, 'limit'>): AsyncGenerator<AuditEntry, void> {
    const outcomes = await this.#outcomesAcross(filter.before);
    for await (const text of linesBackwards(this.writer.directory, filter.before)) {
      const line = parsed(text);
      if (line?.kind === 'outcome') outcomes.set(line.of, outcomeOf(line));
      if (line?.kind !== 'intent') continue;
      const entry = { ...entryOf(line), ...outcomes.get(line.sequence) };
      outcomes.delete(line.sequence);
      if (wanted(entry, filter)) yield entry;
    }
  }

  /** Outcomes that stand at or behind a place, of intents before it: of calls that were running there. */
  async #outcomesAcross(place: number | null): Promise<Map<number, ReturnType<typeof outcomeOf>>> {
    const outcomes = new Map<number, ReturnType<typeof outcomeOf>>();
    if (place === null) return outcomes;
    let until: number | null = null;
    for await (const text of allLines(this.writer.directory, place)) {
      const line = parsed(text);
      if (line === null) continue;
      until ??= Date.parse(line.at) + longestCallMs;
      if (Date.parse(line.at) > until) break;
      if (line.kind === 'outcome' && line.of < place) outcomes.set(line.of, outcomeOf(line));
    }
    return outcomes;
  }

  /** `anchor`: what the control store says of this log; null when it says nothing. */
  async verify(anchor: AnchoredHead | null = null) {
    let previous = genesis;
    let count = 0;
    let anchored: string | null = null;
    for await (const text of allLines(this.writer.directory)) {
      const line = decodeLine(text, previous, count);
      if (!line) {
        return {
          ok: false,
          lines: count,
          firstBadLine: count + 1,
          message: `Line ${count + 1} is not what its hash says, or the line before it is missing or was changed`,
          head: previous,
        };
      }
      previous = line.hash;
      if (anchor !== null && line.sequence === anchor.sequence) anchored = line.hash;
      count++;
    }
    const head = count > 0 ? previous : null;
    const problem = anchor === null ? null : anchorProblem(anchor, anchored, count);
    if (problem !== null)
      return { ok: false, lines: count, firstBadLine: problem.line, message: problem.message, head };
    const upTo = anchor === null ? '' : `, the first ${anchor.sequence + 1} as they were anchored at ${anchor.at}`;
    return { ok: true, lines: count, firstBadLine: null, message: `${count} lines, unbroken${upTo}`, head };
  }

  /** The hash of one line as the files have it now; null: there is no such line. */
  async hashAt(sequence: number): Promise<string | null> {
    for await (const text of allLines(this.writer.directory, sequence)) {
      const line = parsed(text);
      return line?.sequence === sequence ? line.hash : null;
    }
    return null;
  }

  #select(entries: readonly AuditEntry[], filter: AuditFilter): AuditEntry[] {
    const found: AuditEntry[] = [];
    for (let index = entries.length - 1; index >= 0 && found.length <= filter.limit; index--) {
      const entry = entries[index]!;
      if (wanted(entry, filter)) found.push(entry);
    }
    return found;
  }

  #note(line: ChainLine): void {
    if (line.kind === 'intent') {
      const entry = entryOf(line);
      this.#entries.push(entry);
      this.#bySequence.set(entry.sequence, entry);
      if (this.#entries.length > remembered) this.#forget();
    } else if (line.kind === 'outcome') {
      const entry = this.#bySequence.get(line.of);
      if (!entry) return;
      Object.assign(entry, outcomeOf(line));
      this.onOutcome?.(entry);
    }
  }

  /** In halves, so that forgetting costs little per line. */
  #forget(): void {
    for (const entry of this.#entries.splice(0, remembered / 2)) this.#bySequence.delete(entry.sequence);
    this.#forgotten = true;
  }
}

function anchorProblem(
  anchor: AnchoredHead,
  found: string | null,
  lines: number,
): { readonly line: number; readonly message: string } | null {
  const [broken] = anchor.broken;
  if (broken) {
    return {
      line: broken.sequence + 1,
      message: `At ${broken.at} line ${broken.sequence + 1} was not the one that had been anchored: the log was cut or replaced before`,
    };
  }
  if (found === anchor.hash) return null;
  return {
    line: Math.min(lines, anchor.sequence) + 1,
    message:
      found === null
        ? `The log ends at line ${lines}, but line ${anchor.sequence + 1} was anchored at ${anchor.at}: its end is missing`
        : `Line ${anchor.sequence + 1} is not the one that was anchored at ${anchor.at}: the log was replaced`,
  };
}

/** Null: damaged. That is for `verify` to show; the others are read all the same. */
function parsed(text: string): ChainLine | null {
  try {
    return JSON.parse(text) as ChainLine;
  } catch {
    return null;
  }
}

/** An intent without outcome: the console ended in between, or it still runs. */
function entryOf(line: Extract<ChainLine, { kind: 'intent' }>): AuditEntry {
  const { sequence, at, actor, role, clientAddress, surface, requestId, procedure, input, hash } = line;
  return {
    sequence,
    at,
    actor,
    role,
    clientAddress,
    surface,
    requestId,
    procedure,
    input,
    outcome: 'unknown',
    code: null,
    message: null,
    operationId: null,
    durationMs: null,
    hash,
  };
}

function outcomeOf(line: Extract<ChainLine, { kind: 'outcome' }>) {
  const { outcome, code, message, operationId, durationMs } = line;
  return { outcome, code, message, operationId, durationMs };
}

function wanted(entry: AuditEntry, filter: Omit<AuditFilter, 'limit'>): boolean {
  if (filter.before !== null && entry.sequence >= filter.before) return false;
  if (filter.actor !== null && entry.actor !== filter.actor) return false;
  if (filter.procedure !== null && entry.procedure !== filter.procedure) return false;
  if (filter.outcome !== null && entry.outcome !== filter.outcome) return false;
  if (filter.from !== null && Date.parse(entry.at) < Date.parse(filter.from)) return false;
  return filter.to === null || Date.parse(entry.at) < Date.parse(filter.to);
}
