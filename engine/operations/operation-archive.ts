/** Finished operations beyond the last 1,000: appended to one JSON-lines file per month on the leader's node, then deleted from the store. Append before delete: a crash between leaves a duplicate, never a hole. */

import { join } from 'node:path';
import { newerFormat } from '../kernel/format-version';
import type { OperationId } from '../kernel/ids';
import { type SmallFiles, systemFiles } from '../kernel/small-files';
import type { EngineParams } from '../runtime/engine-api';
import { isFinished, type Operation } from './model';

const keptOperations = 1_000;
const batchSize = 50;
const maxPage = 501;

/** What the control store knows of a node's archive: ids are ordered by time. */
export type ArchiveRecord = { readonly oldest: OperationId; readonly newest: OperationId };

export type OperationFilter = EngineParams<'operation.list'>;

export function fits(operation: Operation, filter: OperationFilter): boolean {
  if (filter.before !== null && operation.id >= filter.before) return false;
  if (filter.group !== null && operation.group !== filter.group) return false;
  if (filter.kinds !== null && !filter.kinds.includes(operation.kind)) return false;
  return filter.states === null || filter.states.includes(operation.state);
}

/** Ids begin with the time. */
export function newestFirst(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? 1 : -1;
}

export class OperationArchive {
  constructor(
    private readonly directory: string,
    private readonly files: SmallFiles = systemFiles,
  ) {}

  /** Which entries to move now; at most one batch. */
  static due(entries: readonly { readonly operation: Operation }[]): readonly Operation[] {
    const finished = entries.map((entry) => entry.operation).filter((operation) => isFinished(operation.state));
    if (finished.length <= keptOperations) return [];
    finished.sort((a, b) => (a.id < b.id ? -1 : 1));
    return finished.slice(0, Math.min(batchSize, finished.length - keptOperations));
  }

  async append(operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0) return;
    await this.files.ensureDirectory(this.directory);
    const byFile = grouped(operations);
    for (const [file, group] of byFile) {
      const path = join(this.directory, file);
      // A line that a crash cut short must not swallow the next one.
      const before = (await this.files.endsInsideLine(path)) ? '\n' : '';
      const lines = group.map((operation) => `${JSON.stringify(operation)}\n`).join('');
      await this.files.append(path, before + lines, { flush: true });
    }
  }

  /** Newest first. Reads as few months as the page needs; never holds more than one page and one line. */
  async list(params: EngineParams<'operation.archived'>): Promise<readonly Operation[]> {
    const limit = Math.max(1, Math.min(maxPage, params.limit));
    const found = new Map<string, Operation>();
    for (const file of await this.#files(params.before ?? params.id)) {
      for await (const operation of this.#read(file, params.id)) {
        if (params.id === null ? !fits(operation, params) : operation.id !== params.id) continue;
        found.set(operation.id, operation);
        if (found.size > 2 * limit) keepNewest(found, limit);
      }
      if (found.size >= limit) break;
    }
    keepNewest(found, limit);
    return [...found.values()];
  }

  /** Newest month first; months after that of `id` hold nothing that is not newer. */
  async #files(id: string | null): Promise<readonly string[]> {
    const names = await this.files.names(this.directory);
    const newest = id === null ? null : fileOfTime(timeOf(id));
    return names
      .filter((name) => /^operations-\d{4}-\d{2}\.jsonl$/.test(name) && (newest === null || name <= newest))
      .sort()
      .reverse();
  }

  async *#read(file: string, id: string | null): AsyncGenerator<Operation> {
    for await (const line of this.files.lines(join(this.directory, file))) {
      if (id !== null && !line.includes(`"id":"${id}"`)) continue;
      const operation = parsed(line);
      if (operation) yield operation;
    }
  }
}

/** A line that a crash cut short is still in the store: it is deleted there only after the whole of it was written. */
function parsed(line: string): Operation | null {
  try {
    const operation = JSON.parse(line) as Operation & { readonly format?: unknown };
    return newerFormat('', 'operations', operation.format) === null ? operation : null;
  } catch {
    return null;
  }
}

function keepNewest(found: Map<string, Operation>, limit: number): void {
  const kept = [...found.values()].sort(newestFirst).slice(0, limit);
  found.clear();
  for (const operation of kept) found.set(operation.id, operation);
}

/** The time in a uuid v7. */
function timeOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}

function fileOfTime(ms: number): string | null {
  return Number.isFinite(ms) && ms < 8.64e15 ? `operations-${new Date(ms).toISOString().slice(0, 7)}.jsonl` : null;
}

function fileOf(operation: Operation): string {
  return `operations-${operation.createdAt.slice(0, 7)}.jsonl`;
}

function grouped(operations: readonly Operation[]): Map<string, Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const file = fileOf(operation);
    groups.set(file, [...(groups.get(file) ?? []), operation]);
  }
  return groups;
}
