/**
 * The changes of health of the last day, on this node's disk: append-only JSON lines in a few segments, so that a new leader, a restart of everything or
 * a cluster without a majority still knows them. Invariants: bounded by bytes and by age, the oldest segment given up first; an entry is kept once,
 * however often it is heard; what a crash cut short is left out, never the lines after it. Nothing is synced: a crash of the host may cost its last
 * half minute on this node, and the other copies have it.
 */

import { join } from 'node:path';
import { SerialQueue } from '../kernel/async';
import { messageOf } from '../kernel/errors';
import { newerFormat } from '../kernel/format-version';
import type { Logger } from '../kernel/log';
import { type SmallFiles, systemFiles } from '../kernel/small-files';
import { type HealthQuery, type HealthTransition, mostListed, oldestFirst } from './model';

export type HealthJournalOptions = {
  readonly segmentBytes?: number;
  readonly segments?: number;
  readonly keptMs?: number;
  /** So many of the newest are answered without reading the disk. */
  readonly inMemory?: number;
};

const defaults = { segmentBytes: 1_048_576, segments: 4, keptMs: 24 * 3_600_000, inMemory: mostListed };
const queueLimit = 1_000;
const sweepEveryMs = 60_000;
const namePattern = /^health-(\d{8})\.jsonl$/;

type Segment = { readonly path: string; readonly number: number; bytes: number };

export class HealthJournal {
  readonly #options: Required<HealthJournalOptions>;
  readonly #queue = new SerialQueue('the health history of this node', queueLimit);
  /** Oldest first. */
  #segments: Segment[] = [];
  /** The newest entries by id, oldest first. */
  #recent = new Map<string, HealthTransition>();
  /** Something older than what is in memory is on the disk. */
  #moreOnDisk = false;
  #newest: HealthTransition | null = null;
  /** What is in memory is not in order of time. */
  #disordered = false;
  /** The last segment is known to end with a whole line. */
  #tidy = false;
  #loaded: Promise<void> | null = null;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #failing = false;

  constructor(
    private readonly directory: string,
    private readonly logger: Logger,
    private readonly nowMs: () => number,
    options: HealthJournalOptions = {},
    private readonly files: SmallFiles = systemFiles,
  ) {
    this.#options = { ...defaults, ...options };
  }

  /** In order with other calls; a disk that does not take it is said once, and the entries stay in memory. */
  async append(entries: readonly HealthTransition[]): Promise<void> {
    await this.#ready();
    // What is older than all that is in memory was heard before: it is on the disk, or given up.
    const oldest = this.#moreOnDisk ? this.#recent.values().next().value?.at : undefined;
    const isNews = (entry: HealthTransition) =>
      !this.#recent.has(entry.id) && (oldest === undefined || entry.at >= oldest);
    const news = entries.filter(isNews);
    if (news.length === 0) return;
    for (const entry of news) {
      if (this.#newest !== null && oldestFirst(entry, this.#newest) < 0) this.#disordered = true;
      else this.#newest = entry;
      this.#recent.set(entry.id, entry);
    }
    this.#order();
    try {
      await this.#queue.run(() => this.#write(news));
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.logger.warn({ error: messageOf(error) }, 'the health history is not written to the disk');
      this.#failing = true;
    }
  }

  /** Newest first. */
  async list({ limit, before = null }: HealthQuery): Promise<readonly HealthTransition[]> {
    await this.#ready();
    const most = Math.max(1, Math.min(mostListed, limit));
    const fits = (entry: HealthTransition) => this.#isKept(entry) && (before === null || entry.at <= before);
    const found = [...this.#recent.values()].filter(fits).reverse().slice(0, most);
    if (found.length === most || !this.#moreOnDisk) return found;
    const all = new Map<string, HealthTransition>(found.map((entry) => [entry.id, entry]));
    for await (const entry of this.#read()) if (fits(entry)) all.set(entry.id, entry);
    return [...all.values()].sort(oldestFirst).reverse().slice(0, most);
  }

  /** Bytes on the disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  #isKept(entry: HealthTransition): boolean {
    return Date.parse(entry.at) > this.nowMs() - this.#options.keptMs;
  }

  #order(): void {
    if (this.#disordered) {
      const sorted = [...this.#recent.values()].sort(oldestFirst);
      this.#recent = new Map(sorted.map((entry) => [entry.id, entry]));
      this.#disordered = false;
    }
    for (const id of this.#recent.keys()) {
      if (this.#recent.size <= this.#options.inMemory) break;
      this.#recent.delete(id);
      this.#moreOnDisk = true;
    }
  }

  #ready(): Promise<void> {
    this.#loaded ??= this.#load().catch((error: unknown) => {
      this.#loaded = null;
      throw error;
    });
    return this.#loaded;
  }

  async #load(): Promise<void> {
    this.#segments = [];
    for (const name of [...(await this.files.names(this.directory))].sort()) {
      const number = namePattern.exec(name)?.[1];
      if (number === undefined) continue;
      const path = join(this.directory, name);
      this.#segments.push({ path, number: Number(number), bytes: (await this.files.stat(path)).size });
    }
    for await (const entry of this.#read()) {
      this.#recent.set(entry.id, entry);
      if (this.#recent.size <= 2 * this.#options.inMemory) continue;
      this.#disordered = true;
      this.#order();
    }
    this.#disordered = true;
    this.#order();
    this.#newest = [...this.#recent.values()].at(-1) ?? null;
  }

  async #write(entries: readonly HealthTransition[]): Promise<void> {
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    let last = this.#segments.at(-1);
    if (last === undefined || last.bytes + Buffer.byteLength(text) > this.#options.segmentBytes) {
      await this.files.ensureDirectory(this.directory);
      last = this.#segment((last?.number ?? 0) + 1);
      this.#segments.push(last);
    }
    // A line that a crash cut short must not swallow the next one.
    const begin = !this.#tidy && last.bytes > 0 && (await this.files.endsInsideLine(last.path)) ? '\n' : '';
    this.#tidy = false;
    await this.files.append(last.path, begin + text, { flush: false });
    this.#tidy = true;
    last.bytes += Buffer.byteLength(begin + text);
    await this.#sweep();
  }

  #segment(number: number): Segment {
    return { path: join(this.directory, `health-${String(number).padStart(8, '0')}.jsonl`), number, bytes: 0 };
  }

  async #sweep(): Promise<void> {
    const due = this.nowMs() - this.#sweptAt >= sweepEveryMs;
    if (this.#segments.length <= this.#options.segments && !due) return;
    this.#sweptAt = this.nowMs();
    while (this.#segments.length > 1) {
      const [oldest] = this.#segments;
      const writtenMs = (await this.files.stat(oldest!.path)).mtimeMs;
      if (this.#segments.length <= this.#options.segments && writtenMs > this.nowMs() - this.#options.keptMs) return;
      await this.files.remove(oldest!.path);
      this.#segments.shift();
    }
  }

  /** Line by line, oldest segment first: never holds more than one line. */
  async *#read(): AsyncGenerator<HealthTransition> {
    for (const { path } of [...this.#segments]) {
      try {
        for await (const line of this.files.lines(path)) {
          const entry = parsed(line);
          if (entry) yield entry;
        }
      } catch (error) {
        // Given up while it was read.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
}

function parsed(line: string): HealthTransition | null {
  try {
    const entry = JSON.parse(line) as HealthTransition & { readonly format?: unknown };
    if (newerFormat('', 'health', entry.format) !== null) return null;
    return typeof entry.id === 'string' && typeof entry.at === 'string' ? entry : null;
  } catch {
    return null;
  }
}
