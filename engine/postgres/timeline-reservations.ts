/**
 * Timeline numbers that a promotion skips are marked by empty history files. Invariant: no server starts as a standby with such a file as its newest
 * history: PostgreSQL would take that number for the timeline to recover to, find no parent in it, and refuse every start. That happens when the
 * server dies between the marks and its promotion, and when a standby dies after it fetched the marks and before the history above them.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../kernel/durable-file';
import { createNew, type FileOwner, inDirectory, removeName } from '../kernel/foreign-files';
import { historyFileName } from './control-data';

export type HistoryFile = { readonly name: string; readonly bytes: number };

/** Marks above every real history. Those below one stay: a standby that is still on an earlier timeline asks for each number in between. */
export function danglingMarks(files: readonly HistoryFile[]): readonly string[] {
  const known = files.flatMap(({ name, bytes }) =>
    /^[0-9A-F]{8}\.history$/.test(name) ? [{ name, bytes, timeline: Number.parseInt(name.slice(0, 8), 16) }] : [],
  );
  const newest = Math.max(0, ...known.filter(({ bytes }) => bytes > 0).map(({ timeline }) => timeline));
  return known.filter(({ bytes, timeline }) => bytes === 0 && timeline > newest).map(({ name }) => name);
}

/** The wanted number comes with each promotion: what is removed here is marked again then. */
export async function removeDanglingMarks(dataDirectory: string): Promise<readonly string[]> {
  return inWal(dataDirectory, async (directory) => {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.history'));
    const files = await Promise.all(
      names.map(async (name) => ({ name, bytes: (await lstat(join(directory, name))).size })),
    );
    const dangling = danglingMarks(files);
    for (const name of dangling) await removeName(join(directory, name));
    if (dangling.length > 0) await syncDirectory(directory);
    return dangling;
  });
}

/** An empty file for each number from `first` to below `wanted`; made as PostgreSQL makes its own, one that is there already stays. */
export async function markTimelines(dataDirectory: string, first: number, wanted: number): Promise<void> {
  await inWal(dataDirectory, async (directory, owner) => {
    for (let taken = first; taken < wanted; taken++) {
      try {
        await (await createNew(join(directory, historyFileName(taken)), 0o600, owner)).close();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  });
}

/** `pg_wal` may be a link to another disk, which must be PostgreSQL's as well. */
async function inWal<T>(dataDirectory: string, use: (directory: string, owner: FileOwner) => Promise<T>): Promise<T> {
  const { uid, gid } = await lstat(dataDirectory);
  return inDirectory(join(dataDirectory, 'pg_wal'), { uid }, (directory) =>
    use(directory, process.getuid?.() === 0 ? { uid, gid } : null),
  );
}
