/**
 * Files as shells that must survive a crash get them from outside: the process has the real disk, a simulator one that loses what was not synced, tears
 * writes, fails to sync and fills up.
 *
 * Invariant: what was written counts as kept only once `sync` of the file, and `syncDirectory` for its name, have returned.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';

/** Where a file lies: a copy of it has both new. */
export type FilePlace = { readonly inode: string; readonly born: string };

export interface DiskFile {
  size(): Promise<number>;
  /** Behind what the file holds. After a failure any part of `bytes` may stand there. */
  append(bytes: Buffer): Promise<void>;
  /** In place of bytes that a created file holds. */
  overwrite(position: number, bytes: Buffer): Promise<void>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  ensureDirectory(path: string): Promise<void>;
  list(directory: string): Promise<readonly string[]>;
  read(path: string): Promise<Buffer>;
  place(path: string): Promise<FilePlace>;
  /** A new file, mode 0600; fails when there is one of that name. */
  create(path: string): Promise<DiskFile>;
  openToAppend(path: string): Promise<DiskFile>;
  truncate(path: string, length: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** No error when it is not there. */
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

/** Nothing fits any more; what is there is whole, and room may come back. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The disk, or the way to it, failed: another try may succeed. Not a missing permission or file, which would stay so. */
export function isDiskTrouble(error: unknown): error is Error {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return code === 'EIO' || code === 'ESTALE' || code === 'ETIMEDOUT';
}

export const systemDisk: Disk = {
  async ensureDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (directory) => readdir(directory),
  read: (path) => readFile(path),
  async place(path) {
    const { ino, birthtimeNs } = await stat(path, { bigint: true });
    return { inode: String(ino), born: String(birthtimeNs) };
  },
  create: async (path) => new SystemFile(await open(path, 'wx', 0o600)),
  openToAppend: async (path) => new SystemFile(await open(path, 'a')),
  truncate: (path, length) => truncate(path, length),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

class SystemFile implements DiskFile {
  constructor(private readonly handle: FileHandle) {}

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async append(bytes: Buffer): Promise<void> {
    await this.handle.appendFile(bytes);
  }

  async overwrite(position: number, bytes: Buffer): Promise<void> {
    await this.handle.write(bytes, 0, bytes.length, position);
  }

  truncate(length: number): Promise<void> {
    return this.handle.truncate(length);
  }

  /** Data and length; the times of a file are nobody's promise. */
  sync(): Promise<void> {
    return this.handle.datasync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
