/** Finished operations beyond the last 1,000: appended to one JSON-lines file per month on the leader's node, then deleted from the store. Append before delete: a crash between leaves a duplicate, never a hole. */
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OperationId } from '../kernel/ids';
import { isFinished, type Operation } from './model';

const keptOperations = 1_000;
const batchSize = 50;

export class OperationArchive {
  constructor(private readonly directory: string) {}

  /** Which entries to move now; at most one batch. */
  static due(entries: readonly { readonly operation: Operation }[]): readonly Operation[] {
    const finished = entries.map((entry) => entry.operation).filter((operation) => isFinished(operation.state));
    if (finished.length <= keptOperations) return [];
    finished.sort((a, b) => (a.id < b.id ? -1 : 1));
    return finished.slice(0, Math.min(batchSize, finished.length - keptOperations));
  }

  async append(operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0) return;
    await mkdir(this.directory, { recursive: true });
    const byFile = grouped(operations);
    for (const [file, group] of byFile) {
      await appendFile(join(this.directory, file), group.map((operation) => `${JSON.stringify(operation)}\n`).join(''));
    }
  }

  async find(id: OperationId): Promise<Operation | null> {
    const files = (await readdir(this.directory).catch(() => [])).filter((file) => /^operations-.*\.jsonl$/.test(file));
    for (const file of files.sort().reverse()) {
      const text = await readFile(join(this.directory, file), 'utf8');
      const line = text.split('\n').find((entry) => entry.includes(`"id":"${id}"`));
      if (line) return JSON.parse(line) as Operation;
    }
    return null;
  }
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
