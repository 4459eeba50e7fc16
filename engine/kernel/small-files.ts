/**
 * A node's small durable files as their shells use them: they get them from outside, so that a simulation can tear a write, lose what was not
 * synced, or be full. Invariant: what `replaceFile` has returned from survives a crash, and a crash in it leaves the old or the new text, whole.
 */
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { syncDirectory } from './durable-file';
import { createInPlaceSync, readRegularSync } from './foreign-files';
import { endsInsideLine } from './torn-line';

export type OpenFile = {
  write(text: string): void;
  /** fsync. */
  sync(): void;
  close(): void;
};

export interface SmallFiles {
  /** Null: no such file. A regular file only: the directory may be another user's. */
  readText(path: string): string | null;
  /** A new file in place of one of that name; mode 0600 unless others shall read it. */
  create(path: string, mode?: number): OpenFile;
  /** At once; also where there is none. */
  removeNow(path: string): void;
  rename(from: string, to: string): void;
  syncDirectory(path: string): void;
  makeDirectory(path: string): void;
  freeBytes(directory: string): number;

  /** Files of lines. Empty for a directory that is not there. */
  names(directory: string): Promise<readonly string[]>;
  stat(path: string): Promise<{ readonly size: number; readonly mtimeMs: number }>;
  endsInsideLine(path: string): Promise<boolean>;
  /** `flush`: on disk when it resolves. */
  append(path: string, text: string, options: { readonly flush: boolean }): Promise<void>;
  lines(path: string): AsyncIterable<string>;
  remove(path: string): Promise<void>;
  ensureDirectory(path: string): Promise<void>;
}

/** Whole and durable when it returns: a new file, synced, renamed over the old one, the directory synced. */
export function replaceFile(files: SmallFiles, path: string, text: string): void {
  const file = files.create(`${path}.new`);
  try {
    file.write(text);
    file.sync();
  } finally {
    file.close();
  }
  renameEntry(files, `${path}.new`, path);
}

/** What lies at `from`, a file or a directory, must be on disk already; its new name is when this returns. */
export function renameEntry(files: Pick<SmallFiles, 'rename' | 'syncDirectory'>, from: string, to: string): void {
  files.rename(from, to);
  files.syncDirectory(dirname(to));
}

/** The files of this host. */
export const systemFiles: SmallFiles = {
  readText(path) {
    try {
      return readRegularSync(path).toString('utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  },
  create(path, mode) {
    const descriptor = createInPlaceSync(path, mode);
    return {
      write: (text) => void writeSync(descriptor, text),
      sync: () => fsyncSync(descriptor),
      close: () => closeSync(descriptor),
    };
  },
  removeNow: (path) => rmSync(path, { force: true }),
  rename: (from, to) => renameSync(from, to),
  syncDirectory(path) {
    const directory = openSync(path, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  },
  makeDirectory: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  freeBytes(directory) {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  },
  names: (directory) => readdir(directory).catch(() => []),
  async stat(path) {
    const { size, mtimeMs } = await stat(path);
    return { size, mtimeMs };
  },
  endsInsideLine,
  async append(path, text, { flush }) {
    const file = await open(path, 'a', 0o600);
    try {
      const isNew = (await file.stat()).size === 0;
      await file.appendFile(text);
      if (!flush) return;
      await file.sync();
      // Its name too: a power cut would take the whole file otherwise.
      if (isNew) await syncDirectory(dirname(path));
    } finally {
      await file.close();
    }
  },
  lines: (path) => createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: 1_000 }),
  remove: unlink,
  ensureDirectory: async (path) => void (await mkdir(path, { recursive: true, mode: 0o700 })),
};
