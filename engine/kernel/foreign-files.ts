/**
 * Files in directories that another user owns. The agent may run as root while PostgreSQL's user owns its data, its socket and its log directory: whatever
 * lies there may be a link, a FIFO or a device that this user put there, and may become one between two looks.
 *
 * Invariant: through no name in such a directory is a file outside of it written, given away, removed or read, and nothing there makes us wait. That holds
 * for the last name of a path; the names before it must be ours, or the file is reached through `inDirectory`.
 * No dependencies but Node's own modules: the guardian uses this file too.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Null: whoever runs this process. */
export type FileOwner = { readonly uid: number; readonly gid: number } | null;

/** More than any file has that is read as a whole; `pg_control` has 8 kB. */
const mostBytesRead = 16 * 1024 * 1024;

const anew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const forReading = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const directoryOnly = constants.O_RDONLY | constants.O_DIRECTORY;

/** What lies there is not what it should be. */
class ForeignFileError extends Error {
  override readonly name = 'ForeignFileError';
  readonly code = 'EFTYPE';
}

const ownUid = (): number => process.getuid?.() ?? -1;

type Held = { readonly uid: number };
type Found = Held & { readonly mode: number; readonly size: number; isFile(): boolean };

/** As much as the owner of the directory could read himself: a hard link to somebody's secret is not his. */
function checkReadable(path: string, file: Found, directory: Held): void {
  if (!file.isFile()) throw new ForeignFileError(`${path} is not a regular file`);
  const theirs = file.uid === directory.uid || directory.uid === ownUid() || (file.mode & 0o004) !== 0;
  if (!theirs)
    throw new ForeignFileError(`${path} belongs to user ${file.uid}, its directory to user ${directory.uid}`);
}

// ---------------------------------------------------------------- reading
/** For reading. Regular files only, no link followed; never waits, whatever lies there. The caller closes it. */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, forReading);
  try {
    checkReadable(path, await file.stat(), await stat(dirname(path)));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** @throws as `openRegular`, and when it is longer than `mostBytes` */
export async function readRegular(path: string, mostBytes = mostBytesRead): Promise<Buffer> {
  const file = await openRegular(path);
  try {
    checkSize(path, (await file.stat()).size, mostBytes);
    // A file that grows meanwhile is read as far as it was allowed to be.
    const bytes = Buffer.alloc(mostBytes === 0 ? 0 : Math.min(mostBytes, (await file.stat()).size));
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

export async function readRegularText(path: string, mostBytes = mostBytesRead): Promise<string> {
  return (await readRegular(path, mostBytes)).toString('utf8');
}

/** For what is asked all day and lies in memory. */
export function readRegularSync(path: string, mostBytes = mostBytesRead): Buffer {
  const file = openSync(path, forReading);
  try {
    const found = fstatSync(file);
    checkReadable(path, found, statSync(dirname(path)));
    checkSize(path, found.size, mostBytes);
    const bytes = Buffer.alloc(found.size);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(file, bytes, length, bytes.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function checkSize(path: string, size: number, most: number): void {
  if (size > most) throw new ForeignFileError(`${path} has ${size} bytes, at most ${most} are read`);
}

// ---------------------------------------------------------------- writing
/** A name beside `path` that nobody could have foreseen. */
export function nameAside(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}.new`;
}

/** Names that `nameAside` made, left by a crash. */
export const isLeftAside = (name: string): boolean => /\.[0-9a-f]{16}\.new$/.test(name);

/** A new file for writing; whatever has the name makes it fail. Owner and mode are set on the file itself, never on a name. */
export async function createNew(path: string, mode: number, owner: FileOwner): Promise<FileHandle> {
  const file = await open(path, anew, mode);
  try {
    await file.chmod(mode);
    if (owner) await file.chown(owner.uid, owner.gid);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A new file of our own user, mode 0600 or what is asked whatever the umask; a leftover of that name goes first. The caller closes the descriptor. */
export function createInPlaceSync(path: string, mode = 0o600): number {
  for (let attempt = 0; ; attempt++) {
    try {
      const descriptor = openSync(path, anew, mode);
      if (mode !== 0o600) fchmodSync(descriptor, mode);
      return descriptor;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt >= 3) throw error;
      // The name itself: what a link leads to stays as it is.
      unlinkSync(path);
    }
  }
}

// ---------------------------------------------------------------- directories
/**
 * Its names, reached through the directory itself as it is now, whatever its path leads to a moment later. As root only if `owner` owns it: what root does
 * in it then is what that user could do. `at` is a path to put names behind.
 */
export async function inDirectory<T>(path: string, owner: Held, use: (at: string) => Promise<T>): Promise<T> {
  const directory = await open(path, directoryOnly);
  try {
    const { uid } = await directory.stat();
    if (ownUid() === 0 && uid !== owner.uid)
      throw new ForeignFileError(
        `${path} belongs to user ${uid} and not to user ${owner.uid}, who owns what leads to it`,
      );
    return await use(process.platform === 'linux' ? `/proc/self/fd/${directory.fd}` : path);
  } finally {
    await directory.close();
  }
}

/** A directory that `owner` owns; of mode `mode`, whatever the umask, where it is new. What leads to it must be ours. */
export async function ensureDirectory(path: string, mode: number, owner: FileOwner): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode });
  if (made === undefined && owner === null) return;
  const directory = await open(path, directoryOnly | noFollowUnlessOurs(path));
  try {
    if (made !== undefined) await directory.chmod(mode);
    if (owner) await directory.chown(owner.uid, owner.gid);
  } finally {
    await directory.close();
  }
}

/** Changes owner and mode of a directory that is there. */
export function giveDirectorySync(
  path: string,
  owner: { readonly uid: number; readonly gid: number },
  mode: number,
): void {
  const directory = openSync(path, directoryOnly | noFollowUnlessOurs(path));
  try {
    const setMode = () => {
      if ((fstatSync(directory).mode & 0o777) !== mode) fchmodSync(directory, mode);
    };
    // The mode is set while it is ours: who owns it may change it at any time.
    if (owner.uid !== ownUid()) setMode();
    fchownSync(directory, owner.uid, owner.gid);
    if (owner.uid === ownUid()) setMode();
  } finally {
    closeSync(directory);
  }
}

/**
 * Gives a directory and what lies in it from one user to another; what does not belong to `from` (a hard link to somebody else's file) stays as it is, and
 * no link is followed. Links, sockets and FIFOs keep their owner: they obey the owner of their directory.
 */
export function giveTreeSync(path: string, from: number, to: { readonly uid: number; readonly gid: number }): void {
  const file = openSync(path, forReading);
  try {
    const found = fstatSync(file);
    if (found.uid === from && (found.isFile() || found.isDirectory())) fchownSync(file, to.uid, to.gid);
    if (!found.isDirectory()) return;
    // Through the directory that is open: its name may lead elsewhere by now.
    const held = process.platform === 'linux' ? `/proc/self/fd/${file}` : path;
    for (const entry of readdirSync(held, { withFileTypes: true }))
      if (entry.isFile() || entry.isDirectory()) giveTreeSync(join(held, entry.name), from, to);
  } finally {
    closeSync(file);
  }
}

/** A link that our own user made, in a directory of his, is where the administrator wants the directory to be. */
function noFollowUnlessOurs(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isSymbolicLink() && found.uid === ownUid() ? 0 : constants.O_NOFOLLOW;
}

// ---------------------------------------------------------------- removing
/** Only a name: a link goes, what it leads to stays. No error when it is not there. */
export async function removeName(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/**
 * A directory with all that is in it, or a file. What another user owns is removed as that user: he may exchange a directory for a link while it is
 * walked through. No error when it is not there.
 */
export async function removeTree(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!found.isDirectory()) return removeName(path);
  const neverGivenAway = found.uid === ownUid() && (found.mode & 0o077) === 0;
  if (ownUid() !== 0 || neverGivenAway) return rm(path, { recursive: true, force: true });
  if (found.uid === 0) {
    for (const name of await readdir(path)) await removeTree(join(path, name));
    return rmdir(path);
  }
  const said = await removeAs(path, found);
  // The directory itself lies in one of ours.
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return;
    throw new ForeignFileError(
      `${path} can't be removed by user ${found.uid}, who owns it (${said || error.code}): remove it by hand`,
    );
  });
}

function removeAs(path: string, owner: { readonly uid: number; readonly gid: number }): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('rm', ['-rf', '--', path], {
      uid: owner.uid,
      gid: owner.gid,
      cwd: '/',
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' } as unknown as NodeJS.ProcessEnv,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-500);
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', () => resolve(said.trim().split('\n')[0] ?? ''));
  });
}
