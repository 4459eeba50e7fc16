/**
 * PostgreSQL's JSON log, read backwards a page at a time. A place in it is a file and an offset: files only grow, so the place of a line stays.
 * Invariant: one request reads at most `readLimitBytes`, however large the files are and however few lines match; what it did not look at is
 * where its next page begins, and that is always further back than where this one began.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterError } from '../kernel/errors';
import { openRegular } from '../kernel/foreign-files';
import type { LogLine, LogPage } from '../runtime/engine-api';

const chunkBytes = 256 * 1024;
/** At most this much is read for one request. */
const readLimitBytes = 8 * 1024 * 1024;
/** Lines of several processes are written a little out of order, never by this much: then the file was begun anew. */
const reorderMs = 60_000;

export type LogFilter = {
  readonly limit: number;
  readonly level: string | null;
  readonly contains: string | null;
  /** `next` of the page before; absent: the newest lines. */
  readonly from?: string | null;
};

/** Lines of `file` that end at `end` or before; none of them is newer than `at`. */
type Place = { readonly file: string; readonly end: number; readonly at: string };
type LogFile = { readonly path: string; readonly name: string; readonly changedMs: number; readonly bytes: number };
type Budget = { bytes: number };

/** Newest last. @throws INVALID_INPUT for a `from` that never was a `next` */
export async function tailLog(logDirectory: string, filter: LogFilter, mostBytes = readLimitBytes): Promise<LogPage> {
  const limit = Math.max(1, Math.min(filter.limit, 5000));
  const from = filter.from ? placeOf(filter.from) : null;
  const found: LogLine[] = [];
  const page = (next: Place | null) => ({ lines: found.reverse(), next: next === null ? null : textOf(next) });
  const files = await newestFirst(logDirectory);
  const first = from === null ? 0 : files.findIndex((file) => file.name === from.file);
  // The file is gone or was begun anew: its lines were the oldest there were, so nothing is before them.
  if (first < 0 || (from !== null && files[first]!.bytes < from.end)) return page(null);
  const budget: Budget = { bytes: mostBytes };
  let at = from?.at ?? '';
  for (const [index, file] of files.slice(first).entries()) {
    const resumed = index === 0 ? from : null;
    if (budget.bytes <= 0) return page({ file: file.name, end: file.bytes, at });
    for await (const line of linesBackwards(file.path, resumed?.end ?? file.bytes, budget)) {
      if (line.text === null) return page({ file: file.name, end: line.end, at });
      const parsed = parseLogLine(line.text);
      if (parsed === null) continue;
      if (resumed !== null && Date.parse(parsed.at) > Date.parse(resumed.at) + reorderMs) return page(null);
      at = parsed.at;
      if (!matches(parsed, filter) || repeats(parsed, found.at(-1))) continue;
      if (found.length >= limit) return page({ file: file.name, end: line.end, at });
      found.push(parsed);
    }
  }
  return page(null);
}

function textOf({ file, end, at }: Place): string {
  return `${end}|${at}|${file}`;
}

function placeOf(text: string): Place {
  const [, end, at, file] = /^(\d{1,15})\|([^|]*)\|(.+)$/.exec(text) ?? [];
  if (end === undefined || at === undefined || file === undefined) {
    throw new ClusterError('INVALID_INPUT', 'from: no place in the log');
  }
  return { file, end: Number(end), at };
}

/** A process that says the same again and again (a standby without a primary does) is shown once, at its latest. */
function repeats(line: LogLine, later: LogLine | undefined): boolean {
  return later !== undefined && later.pid === line.pid && later.message === line.message && later.level === line.level;
}

function matches(line: LogLine, filter: LogFilter): boolean {
  if (filter.level !== null && line.level.toLowerCase() !== filter.level.toLowerCase()) return false;
  return filter.contains === null || line.message.toLowerCase().includes(filter.contains.toLowerCase());
}

async function newestFirst(directory: string): Promise<LogFile[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.json'));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const found = await lstat(path).catch(() => null);
      return { path, name, changedMs: found?.mtimeMs ?? 0, bytes: found?.isFile() ? found.size : 0 };
    }),
  );
  return files.sort((a, b) => b.changedMs - a.changedMs || (a.name < b.name ? 1 : -1));
}

/** Each line with the offset behind it. A text of null: the budget is spent, and what ends there was not looked at. */
async function* linesBackwards(
  path: string,
  from: number,
  budget: Budget,
): AsyncGenerator<{ readonly text: string | null; readonly end: number }> {
  const file = await openRegular(path).catch(() => null);
  if (!file) return;
  try {
    let end = from;
    let rest: Buffer = Buffer.alloc(0);
    while (end > 0) {
      if (budget.bytes <= 0) {
        const unread = end + rest.length;
        // Nothing but the end of one endless line: it is given up, or the next request would read it again.
        yield { text: null, end: unread < from ? unread : end };
        return;
      }
      const start = Math.max(0, end - chunkBytes);
      const chunk = Buffer.alloc(end - start);
      await file.read(chunk, 0, chunk.length, start);
      budget.bytes -= chunk.length;
      const block = Buffer.concat([chunk, rest]);
      end = start;
      const first = end === 0 ? 0 : block.indexOf(10) + 1;
      // No line break in all of it: one very long line, keep collecting (bounded by the budget).
      if (end > 0 && first === 0) {
        rest = block;
        continue;
      }
      rest = block.subarray(0, first);
      let behind = block.length;
      while (behind > first) {
        const before = block.lastIndexOf(10, behind - 1);
        const begin = Math.max(first, before + 1);
        if (begin < behind) yield { text: block.toString('utf8', begin, behind), end: start + behind };
        behind = Math.max(first, begin - 1);
      }
    }
  } finally {
    await file.close();
  }
}

/** Null for what is no JSON log line (half written, or plain text). */
export function parseLogLine(line: string): LogLine | null {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
  const text = (key: string) => (typeof entry[key] === 'string' ? (entry[key] as string) : null);
  const timestamp = text('timestamp');
  const message = text('message');
  if (timestamp === null || message === null) return null;
  const at = new Date(timestamp.replace(' ', 'T').replace(' UTC', 'Z'));
  const detail = text('detail');
  return {
    at: Number.isNaN(at.getTime()) ? timestamp : at.toISOString(),
    level: text('error_severity') ?? 'LOG',
    pid: typeof entry.pid === 'number' ? entry.pid : null,
    message: detail === null ? message : `${message} (${detail})`,
    sqlState: text('state_code'),
    user: text('user'),
    database: text('dbname'),
  };
}
