/**
 * Files and names that must survive a power cut: texts that are replaced whole, and renames of what is whole on disk already. Shells that a simulation
 * runs get the same from `small-files.ts` and `disk.ts`; nobody else writes what must last (`durable-writes.test.ts`).
 *
 * Invariant: once a function of this file has returned, a crash finds the new state; a crash in it finds the old or the new one, whole.
 */
import { constants } from 'node:fs';
import { access, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createNew, type FileOwner, nameAside, readRegularText, removeName } from './foreign-files';

/**
 * Write aside, fsync, rename, fsync the directory. Mode 0600. A file that already says the same is left alone. The directory may be another user's: the
 * name aside can't be foreseen, and what is there by the name of `path` is replaced and never written through.
 */
export async function replaceFile(path: string, content: string, owner: FileOwner): Promise<void> {
  if ((await readRegularText(path).catch(() => null)) === content) return;
  const aside = nameAside(path);
  const file = await createNew(aside, 0o600, owner);
  try {
    await file
      .writeFile(content)
      .then(() => file.sync())
      .finally(() => file.close());
    await renameDurably(aside, path);
  } catch (error) {
    // A full disk is tried again and again: each try has a name of its own.
    await removeName(aside).catch(() => undefined);
    throw error;
  }
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

export async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
