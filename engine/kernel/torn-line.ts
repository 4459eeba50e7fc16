/** Whether an append-only file of lines ends inside one: a crash cut the last write short, and what is appended next must begin on a new line. */
import { open } from 'node:fs/promises';

/** False for a file that is not there. */
export async function endsInsideLine(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return false;
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    return size > 0 && last.toString() !== '\n';
  } finally {
    await file.close();
  }
}
