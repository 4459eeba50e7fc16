/**
 * The files of one audit log: `audit.jsonl` grows, and `audit.<first sequence>.jsonl` are its finished parts. One chain runs through all of
 * them in the order of their first lines; none is ever deleted by us.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { renameDurably, replaceFile, syncDirectory } from '@/engine/kernel/durable-file';

export const currentName = 'audit.jsonl';
const newline = 0x0a;
const blockBytes = 256 * 1024;
const finished = /^audit\.(\d+)\.jsonl$/;

/** Finished parts, oldest first. */
export async function finishedSegments(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).flatMap((name) => {
    const match = finished.exec(name);
    return match ? [{ name, first: Number(match[1]) }] : [];
  });
  return names.sort((a, b) => a.first - b.first).map(({ name }) => path.join(directory, name));
}

/** The lines of the log as it stands at the call, oldest first, from number `from` on. A line that is just being written is not there yet. */
export async function* allLines(directory: string, from = 0): AsyncGenerator<string, void> {
  const parts = await openParts(directory);
  try {
    const holding = parts.finished.findLastIndex((file) => firstOf(file) <= from);
    for (const file of parts.finished.slice(Math.max(0, holding))) yield* fileLines(await open(file, 'r'), from);
    if (parts.current !== null) yield* fileLines(parts.current, from);
  } finally {
    await parts.close();
  }
}

/** The same newest first, read from the end, so that the newest cost the same in a log of any length; below number `before`, or all. */
export async function* linesBackwards(directory: string, before: number | null = null): AsyncGenerator<string, void> {
  const parts = await openParts(directory);
  try {
    if (parts.current !== null) yield* fileBackwards(parts.current, before);
    for (const file of parts.finished.toReversed()) {
      if (before !== null && firstOf(file) >= before) continue;
      const handle = await open(file, 'r');
      try {
        yield* fileBackwards(handle, before);
      } finally {
        await handle.close();
      }
    }
  } finally {
    await parts.close();
  }
}

/**
 * The growing file is opened before the finished ones are listed: one that is finished in between is seen twice, and left out once, rather
 * than not at all.
 */
async function openParts(directory: string) {
  const current = await open(path.join(directory, currentName), 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const finished = await finishedSegments(directory);
  const last = finished.at(-1);
  const same = current !== null && last !== undefined && (await current.stat()).ino === (await stat(last)).ino;
  return { finished, current: same ? null : current, close: async () => current?.close() };
}

/** Closes the file. */
async function* fileLines(handle: FileHandle, from: number): AsyncGenerator<string, void> {
  try {
    const end = await endOfLastLine(handle);
    const start = from === 0 ? 0 : await startOf(handle, from, end);
    if (start >= end) return;
    const input = handle.createReadStream({ encoding: 'utf8', start, end: end - 1, autoClose: false });
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  } finally {
    await handle.close();
  }
}

async function* fileBackwards(handle: FileHandle, before: number | null): AsyncGenerator<string, void> {
  let end = await endOfLastLine(handle);
  if (before !== null) end = await startOf(handle, before, end);
  /** The beginning of a line whose rest was in the block before. */
  let tail: Buffer = Buffer.alloc(0);
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const block = Buffer.concat([await readExactly(handle, start, end - start), tail]);
    const first = block.indexOf(newline);
    const from = start === 0 ? 0 : first < 0 ? block.length : first + 1;
    const lines = block.toString('utf8', from).split('\n');
    for (let index = lines.length - 1; index >= 0; index--) if (lines[index] !== '') yield lines[index]!;
    tail = block.subarray(0, from);
    end = start;
  }
}

/**
 * Where the first line with this number, or a higher one, begins; `end` if there is none. By halving: lines are in the order of their numbers,
 * and in a file where they are not any more `verify` is what tells.
 */
async function startOf(handle: FileHandle, sequence: number, end: number): Promise<number> {
  let low = 0;
  let high = end;
  while (high - low > blockBytes) {
    const middle = Math.floor((low + high) / 2);
    const line = await lineBehind(handle, middle, high);
    if (line === null) break;
    if (line.sequence < sequence) low = line.start;
    else high = middle;
  }
  for (let size = blockBytes; low < end; ) {
    const block = await readExactly(handle, low, Math.min(size, end - low));
    let at = 0;
    for (let next = block.indexOf(newline); next >= 0; next = block.indexOf(newline, at)) {
      if (numberOf(block.subarray(at, next)) >= sequence) return low + at;
      at = next + 1;
    }
    low += at;
    // A line longer than what was read.
    if (at === 0) size *= 2;
  }
  return end;
}

/** The first line that begins behind a place and can be read; null: there is none up to `end`. */
async function lineBehind(handle: FileHandle, place: number, end: number) {
  const block = await readExactly(handle, place, Math.min(blockBytes, end - place));
  for (let at = block.indexOf(newline) + 1; at > 0; ) {
    const next = block.indexOf(newline, at);
    if (next < 0) return null;
    const sequence = numberOf(block.subarray(at, next));
    if (sequence >= 0) return { start: place + at, sequence };
    at = next + 1;
  }
  return null;
}

/** -1: not a line of ours. */
function numberOf(line: Buffer): number {
  const found = /^\{"sequence":(\d+),/.exec(line.toString('latin1', 0, 40));
  return found ? Number(found[1]) : -1;
}

/** Behind the newline of the last whole line; 0: there is none. */
async function endOfLastLine(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  for (let end = size; end > 0; end -= Math.min(end, blockBytes)) {
    const start = Math.max(0, end - blockBytes);
    const at = (await readExactly(handle, start, end - start)).lastIndexOf(newline);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}

async function readExactly(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function firstOf(file: string): number {
  return Number(finished.exec(path.basename(file))?.[1] ?? 0);
}

/** The file that the chain goes on in; its name is on disk before the first line is, or a power cut would take all of them. */
export async function openCurrent(directory: string): Promise<FileHandle> {
  const handle = await open(path.join(directory, currentName), 'a', 0o600);
  await syncDirectory(directory);
  return handle;
}

/** The present file becomes a finished part; durable when it returns. */
export async function finishSegment(directory: string, firstSequence: number): Promise<void> {
  await renameDurably(path.join(directory, currentName), path.join(directory, `audit.${firstSequence}.jsonl`));
}

/** Where the chain of the finished parts ends; null when there are none. */
export async function endOfFinished(
  directory: string,
): Promise<{ readonly sequence: number; readonly hash: string } | null> {
  const last = (await finishedSegments(directory)).at(-1);
  if (last === undefined) return null;
  const text = (await readFile(last, 'utf8')).trimEnd();
  const line = JSON.parse(text.slice(text.lastIndexOf('\n') + 1)) as { sequence: number; hash: string };
  return { sequence: line.sequence, hash: line.hash };
}

/** Who writes here: made once, so that its anchors in the control store are found again. */
export async function writerId(directory: string): Promise<string> {
  const file = path.join(directory, 'writer-id');
  const known = await readFile(file, 'utf8').catch(() => '');
  if (known.trim() !== '') return known.trim();
  const id = randomUUID();
  await replaceFile(file, `${id}\n`, null);
  return id;
}
