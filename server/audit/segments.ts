/**
 * The files of one audit log: `audit.jsonl` grows, and `audit.<first sequence>.jsonl` are its finished parts. One chain runs through all of
 * them in the order of their first lines; none is ever deleted by us.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';

export const currentName = 'audit.jsonl';
const finished = /^audit\.(\d+)\.jsonl$/;

/** Finished parts, oldest first. */
export async function finishedSegments(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).flatMap((name) => {
    const match = finished.exec(name);
    return match ? [{ name, first: Number(match[1]) }] : [];
  });
  return names.sort((a, b) => a.first - b.first).map(({ name }) => path.join(directory, name));
}

/** Every line of the log, oldest first. */
export async function* allLines(directory: string): AsyncGenerator<string, void> {
  const files = [...(await finishedSegments(directory)), path.join(directory, currentName)];
  for (const file of files) {
    const input = createReadStream(file, 'utf8');
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  }
}

/** The present file becomes a finished part; durable when it returns. */
export async function finishSegment(directory: string, firstSequence: number): Promise<void> {
  await rename(path.join(directory, currentName), path.join(directory, `audit.${firstSequence}.jsonl`));
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
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
  await writeFile(file, `${id}\n`, { mode: 0o600, flush: true });
  return id;
}
