/**
 * The data directory of one installation: writable, with room, owned by one launcher at a time. Every failure is one sentence that says what
 * to do; the launcher prints it and exits non-zero.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Announced, ownAnnouncement } from '../kernel/release';

export const installationDirectories = ['run', 'logs', 'nodes'] as const;

const minimumFreeBytes = 300 * 1024 * 1024;

export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Creates the directory, proves that it can be written and has room. @throws StartError */
export function openDataDirectory(path: string): string {
  const directory = resolve(path);
  try {
    makeDirectories(directory);
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    const probe = join(directory, `.write-probe-${process.pid}`);
    rmSync(probe, { force: true });
    writeFileSync(probe, 'x'.repeat(4096), { flag: 'wx' });
    rmSync(probe);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new StartError(
      code === 'ENOSPC'
        ? `The disk of the data directory ${directory} is full. Free some space or set RUSTYDB_DATA_DIR to a directory with room.`
        : code === 'ENOTDIR' || code === 'EEXIST'
          ? `The data directory ${directory} is not a directory. Set RUSTYDB_DATA_DIR to another path.`
          : `The data directory ${directory} can't be written (${code ?? (error as Error).message}). Make it writable for this user or set RUSTYDB_DATA_DIR to another one.`,
    );
  }
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < minimumFreeBytes) {
    throw new StartError(
      `The disk of the data directory ${directory} has only ${Math.floor((bavail * bsize) / 1048576)} MB left; at least ${minimumFreeBytes / 1048576} MB are needed. Free some space or set RUSTYDB_DATA_DIR to a directory with room.`,
    );
  }
  for (const name of installationDirectories) mkdirSync(join(directory, name), { recursive: true, mode: 0o755 });
  return directory;
}

/** One level at a time: Node's own recursion never ends where a file system answers ENOENT to every mkdir (/proc). */
function makeDirectories(directory: string): void {
  if (existsSync(directory) && statSync(directory).isDirectory()) return;
  const parent = dirname(directory);
  if (parent !== directory) makeDirectories(parent);
  mkdirSync(directory, { mode: 0o755 });
}

/** `release` and `level`: of the program that was started; absent: a release before levels started it, or it is not known. */
export type ProcessMark = { readonly pid: number; readonly startTime: string } & Announced;

/** Identity of a live process: its pid and start time, so that a reused pid is never taken for it. Null when it is gone or a zombie. */
export function markOf(pid: number): ProcessMark | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return { pid, startTime: fields[19] ?? '' };
  } catch {
    if (process.platform === 'linux') return null;
    try {
      process.kill(pid, 0);
      return { pid, startTime: 'unknown' };
    } catch {
      return null;
    }
  }
}

export function isAlive(mark: ProcessMark): boolean {
  const now = markOf(mark.pid);
  return now !== null && now.startTime === mark.startTime;
}

export function readMark(file: string): ProcessMark | null {
  try {
    const mark = JSON.parse(readFileSync(file, 'utf8')) as ProcessMark;
    return typeof mark.pid === 'number' && isAlive(mark) ? mark : null;
  } catch {
    return null;
  }
}

export function markFor(pid: number, program: Announced): ProcessMark | null {
  const found = markOf(pid);
  return found && { ...found, ...program };
}

export function writeMark(file: string, pid: number, program: Announced): ProcessMark | null {
  const mark = markFor(pid, program);
  if (mark) writeFileSync(file, JSON.stringify(mark), { mode: 0o600 });
  return mark;
}

/** One launcher per data directory. @throws StartError when another one is alive. */
export function lockDataDirectory(directory: string): () => void {
  const file = join(directory, 'run', 'launcher.pid');
  const other = existsSync(file) ? readMark(file) : null;
  if (other && other.pid !== process.pid) {
    throw new StartError(
      `RustyDB already runs on the data directory ${directory} (launcher pid ${other.pid}). Stop it first, or start a second instance with another RUSTYDB_DATA_DIR and RUSTYDB_PORT.`,
    );
  }
  writeMark(file, process.pid, ownAnnouncement);
  return () => rmSync(file, { force: true });
}
