/**
 * Files and names that must survive a power cut: texts that are replaced whole, and renames of what is whole on disk already. Shells that a simulation
 * runs get the same from `small-files.ts` and `disk.ts`; nobody else writes what must last (`durable-writes.test.ts`).
 *
 * Invariant: once a function of this file has returned, a crash finds the new state; a crash in it finds the old or the new one, whole.
 */
import { constants } from 'node:fs';
import { access, chmod, chown, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Null: whoever runs this process. */
export type FileOwner = { readonly uid: number; readonly gid: number } | null;

/** Write aside, fsync, rename, fsync the directory. Mode 0600. A file that already says the same is left alone. */
export async function replaceFile(path: string, content: string, owner: FileOwner): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => null)) === content) return;
  const aside = `${path}.tmp`;
  const file = await open(aside, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.chmod(0o600);
    if (owner) await file.chown(owner.uid, owner.gid);
    await file.sync();
  } finally {
    await file.close();
  }
  await renameDurably(aside, path);
}

/** What lies at `from` must be on disk already. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from));
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A directory that `owner` owns; of mode `mode`, whatever the umask, where it is new. */
export async function ensureDirectory(path: string, mode: number, owner: FileOwner): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode });
  if (made !== undefined) await chmod(path, mode);
  if (owner) await chown(path, owner.uid, owner.gid);
}

export async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
