/** The newest lines of PostgreSQL's JSON log. Reads backwards from the end and stops at a bound, however large the files are. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine } from '../runtime/engine-api';

const chunkBytes = 256 * 1024;
/** At most this much is read for one request. */
const readLimitBytes = 8 * 1024 * 1024;

export type LogFilter = { readonly limit: number; readonly level: string | null; readonly contains: string | null };

/** Newest last. */
export async function tailLog(logDirectory: string, filter: LogFilter): Promise<LogLine[]> {
  const limit = Math.max(1, Math.min(filter.limit, 5000));
  const found: LogLine[] = [];
  let budget = readLimitBytes;
  for (const file of await newestFirst(logDirectory)) {
    for await (const line of linesBackwards(
      file,
      () => budget,
      (bytes) => (budget -= bytes),
    )) {
      const parsed = parseLogLine(line);
      if (parsed && matches(parsed, filter) && !repeats(parsed, found.at(-1))) found.push(parsed);
      if (found.length >= limit) return found.reverse();
    }
    if (budget <= 0) break;
  }
  return found.reverse();
}

/** A process that says the same again and again (a standby without a primary does) is shown once, at its latest. */
function repeats(line: LogLine, later: LogLine | undefined): boolean {
  return later !== undefined && later.pid === line.pid && later.message === line.message && later.level === line.level;
}

function matches(line: LogLine, filter: LogFilter): boolean {
  if (filter.level !== null && line.level.toLowerCase() !== filter.level.toLowerCase()) return false;
  return filter.contains === null || line.message.toLowerCase().includes(filter.contains.toLowerCase());
}

async function newestFirst(directory: string): Promise<string[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.json'));
  const files = await Promise.all(
    names.map(async (name) => ({
      path: join(directory, name),
      at: (await stat(join(directory, name)).catch(() => null))?.mtimeMs ?? 0,
    })),
  );
  return files.sort((a, b) => b.at - a.at).map((file) => file.path);
}

async function* linesBackwards(
  path: string,
  budget: () => number,
  spend: (bytes: number) => void,
): AsyncGenerator<string> {
  const file = await open(path, 'r').catch(() => null);
  if (!file) return;
  try {
    let end = (await file.stat()).size;
    let rest: Buffer = Buffer.alloc(0);
    while (end > 0 && budget() > 0) {
      const start = Math.max(0, end - chunkBytes);
      const chunk = Buffer.alloc(end - start);
      await file.read(chunk, 0, chunk.length, start);
      spend(chunk.length);
      const block = Buffer.concat([chunk, rest]);
      end = start;
      const first = end === 0 ? 0 : block.indexOf(10) + 1;
      // No line break in all of it: one very long line, keep collecting (bounded by the budget).
      if (end > 0 && first === 0) {
        rest = block;
        continue;
      }
      rest = block.subarray(0, first);
      const lines = block.subarray(first).toString('utf8').split('\n');
      for (let i = lines.length - 1; i >= 0; i--) if (lines[i] !== '') yield lines[i]!;
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
