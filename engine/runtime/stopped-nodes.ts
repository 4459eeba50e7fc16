/**
 * Nodes of this host that stopped for good (exit code 78) or could not be prepared, each with the sentence that says what to do. A node whose
 * directory was changed since (moved away, repaired) is worth another start; one whose directory stands as it was would only fail again.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeId } from '../kernel/ids';

const tailBytes = 64 * 1024;

export type StoppedNode = { readonly node: NodeId; readonly sentence: string };

export class StoppedNodes {
  readonly #stopped = new Map<NodeId, { readonly sentence: string; readonly fingerprint: string }>();

  constructor(private readonly directoryOf: (node: NodeId) => string) {}

  note(node: NodeId, sentence: string): void {
    this.#stopped.set(node, { sentence, fingerprint: fingerprint(this.directoryOf(node)) });
  }

  forget(node: NodeId): void {
    this.#stopped.delete(node);
  }

  has(node: NodeId): boolean {
    return this.#stopped.has(node);
  }

  list(): readonly StoppedNode[] {
    return [...this.#stopped].map(([node, { sentence }]) => ({ node, sentence }));
  }

  /** Those whose directory is not what it was when they stopped. */
  changed(): readonly NodeId[] {
    return [...this.#stopped]
      .filter(([node, { fingerprint: then }]) => fingerprint(this.directoryOf(node)) !== then)
      .map(([node]) => node);
  }
}

/** The sentence of the last fatal line in a process's log; null when there is none near its end. */
export function lastWords(logFile: string): string | null {
  let text: string;
  try {
    text = tail(logFile);
  } catch {
    return null;
  }
  for (const line of text.split('\n').reverse()) {
    try {
      const entry = JSON.parse(line) as { level?: number; error?: string };
      if ((entry.level ?? 0) >= 60 && typeof entry.error === 'string') return entry.error;
    } catch {
      // Not one of our lines, or cut by the start of the tail.
    }
  }
  return null;
}

function tail(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** What an operator changes to repair a node: its identity, promise and consensus files. PostgreSQL's own files are not looked at. */
function fingerprint(directory: string): string {
  const consensus = join(directory, 'raft');
  const files = [
    '',
    'identity.json',
    'member-state.json',
    'raft',
    ...names(consensus).map((name) => join('raft', name)),
  ];
  return files.map((file) => `${file}:${mark(join(directory, file))}`).join('\n');
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function mark(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 'none';
  return stat.isDirectory() ? String(stat.ino) : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
}
