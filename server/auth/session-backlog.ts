/**
 * What this console could not put into the control store because there was no majority: sessions that began and sessions that ended. Kept
 * in a file, so that a restart loses none of it, until the store takes it. Bounded; beyond the bound an ended session lives until it runs
 * out, at most twelve hours.
 */
import { readFileSync } from 'node:fs';
import { replaceFile, systemFiles } from '@/engine/kernel/small-files';
import type { SessionRecord } from './api';

const endedLimit = 10_000;
const begunLimit = 1000;

type Content = {
  readonly ended: readonly (readonly [id: string, until: number])[];
  readonly begun: readonly SessionRecord[];
};

export class SessionBacklog {
  readonly #ended: Map<string, number>;
  readonly #begun: Map<string, SessionRecord>;

  constructor(private readonly file: string) {
    const content = read(file);
    this.#ended = new Map(content.ended);
    this.#begun = new Map(content.begun.map((one) => [one.id, one]));
  }

  get begun(): readonly SessionRecord[] {
    return [...this.#begun.values()];
  }

  get ended(): readonly (readonly [string, number])[] {
    return [...this.#ended];
  }

  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  begin(record: SessionRecord): void {
    if (this.#begun.size >= begunLimit) return;
    this.#begun.set(record.id, record);
    this.#write();
  }

  end(id: string, until: number): void {
    this.#begun.delete(id);
    if (this.#ended.size < endedLimit) this.#ended.set(id, until);
    this.#write();
  }

  /** The store has them now. */
  stored(begun: readonly string[], ended: readonly string[]): void {
    for (const id of begun) this.#begun.delete(id);
    for (const id of ended) this.#ended.delete(id);
    this.#write();
  }

  #write(): void {
    const now = Date.now();
    for (const [id, until] of this.#ended) if (until < now) this.#ended.delete(id);
    for (const [id, record] of this.#begun) if (Date.parse(record.expiresAt) < now) this.#begun.delete(id);
    const content: Content = { ended: this.ended, begun: this.begun };
    replaceFile(systemFiles, this.file, JSON.stringify(content));
  }
}

function read(file: string): Content {
  try {
    const parsed = JSON.parse(readFileSync(file, 'utf8')) as Content;
    if (Array.isArray(parsed.ended) && Array.isArray(parsed.begun)) return parsed;
  } catch {
    // First start, or unreadable: a session that ended here without a majority then lives until it runs out.
  }
  return { ended: [], begun: [] };
}
