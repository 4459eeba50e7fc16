/**
 * "Dead means dead": a PostgreSQL server is gone when no process has its data directory as working directory. After `kill -9` of a
 * postmaster its busy backends live on and acknowledge commits, each in its own process group, so neither a pid file nor a group will do.
 * Invariant: "nothing runs there" is only said after a look that was complete and with nobody attached to the server's shared memory.
 * No dependencies but Node's own modules: the guardian uses this file too.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularSync } from '../kernel/foreign-files';
import { attachedTo, eyesFor, type Look, lookAs } from './process-sight';

/** What it was started with; null: gone, not Linux, or we may not look. */
export function environmentOf(pid: number): readonly string[] | null {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return null;
  }
}

/** A directory, whatever it is called by now. The time of birth tells it from a later one that got its inode. */
export type DirectoryIdentity = { readonly dev: bigint; readonly ino: bigint; readonly birthtimeNs: bigint };

/** Null: it is not there, or we may not look. */
export function identityOf(path: string): DirectoryIdentity | null {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

export function isSameDirectory(a: DirectoryIdentity | null, b: DirectoryIdentity | null): boolean {
  return a !== null && b !== null && a.dev === b.dev && a.ino === b.ino && a.birthtimeNs === b.birthtimeNs;
}

/**
 * Pids of all live processes that work in `directory`, or in `earlier`, which it was before somebody moved it away; zombies don't count (they have no
 * working directory any more). For "nobody", ask `nothingRunsIn`.
 */
export function processesIn(directory: string, earlier: DirectoryIdentity | null = null): number[] {
  return [...lookInto(directory, earlier).pids];
}

/** True only if that is certain. */
export function nothingRunsIn(directory: string, earlier: DirectoryIdentity | null = null): boolean {
  const { pids, complete } = lookInto(directory, earlier);
  return complete && pids.length === 0 && attachedTo(directory) === 0;
}

function lookInto(directory: string, earlier: DirectoryIdentity | null): Look {
  return process.platform === 'linux'
    ? linuxLook(directory, earlier)
    : { pids: postmasterFamily(directory), complete: true };
}

function linuxLook(directory: string, earlier: DirectoryIdentity | null): Look {
  // Device and inode, not the path: the directory may have been renamed, or be reached through another mount or link.
  const wanted = statSync(directory, { bigint: true, throwIfNoEntry: false });
  const moved = isSameDirectory(earlier, wanted ?? null) ? null : earlier;
  const owner = wanted ? { uid: Number(wanted.uid), gid: Number(wanted.gid) } : null;
  const theirs = eyesFor(owner).map((user) => lookAs(user, wanted ?? { removed: directory }));
  const found = theirs.flatMap(({ pids }) => pids).filter((pid) => !isZombie(pid));
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid || found.includes(pid)) continue;
    if (worksIn(entry, directory, wanted, moved) && !isZombie(pid)) found.push(pid);
  }
  return { pids: found, complete: theirs.every(({ complete }) => complete) };
}

function worksIn(
  pid: string,
  directory: string,
  wanted: { dev: bigint; ino: bigint } | undefined,
  moved: DirectoryIdentity | null,
): boolean {
  const link = `/proc/${pid}/cwd`;
  try {
    if (!wanted && readlinkSync(link) === `${directory} (deleted)`) return true;
    if (!wanted && moved === null) return false;
    const cwd = statSync(link, { bigint: true, throwIfNoEntry: false });
    if (cwd === undefined) return false;
    return (cwd.ino === wanted?.ino && cwd.dev === wanted.dev) || isSameDirectory(cwd, moved);
  } catch {
    // Gone in between, a kernel thread, or somebody else's process that we may not look at: PostgreSQL's are looked at as its user then.
    return false;
  }
}

/** State Z or X, or no such process. */
export function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    return state === 'Z' || state === 'X';
  } catch {
    // Gone, or hidden from us (`hidepid`): then a signal still finds it.
    return !isThere(pid);
  }
}

/** A zombie is not. */
export function isRunning(pid: number): boolean {
  return process.platform === 'linux' ? !isZombie(pid) : isThere(pid);
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Without /proc: the postmaster of the pid file and its descendants by ps. */
function postmasterFamily(directory: string): number[] {
  let postmaster: number;
  try {
    postmaster = Number(readRegularSync(join(directory, 'postmaster.pid')).toString('utf8').split('\n')[0]);
  } catch {
    return [];
  }
  const table = execFileSync('ps', ['-axo', 'pid=,ppid=,stat=,command='], { encoding: 'utf8' });
  const rows = table
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((row) => row !== null)
    .map((row) => ({ pid: Number(row[1]), parent: Number(row[2]), stat: row[3] ?? '', command: row[4] ?? '' }));
  // An old pid file may name a stranger by now.
  return rows
    .filter((row) => (row.pid === postmaster || row.parent === postmaster) && !row.stat.startsWith('Z'))
    .filter((row) => row.command.includes('postgres'))
    .map((row) => row.pid);
}

export function killQuietly(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * SIGKILL to everything that works in `directory`, again and again until nothing is left (a postmaster may fork while we look).
 * False when something outlived `timeoutMs` (a process in uninterruptible sleep: the disk hangs).
 */
export async function killAllIn(
  directory: string,
  timeoutMs: number,
  earlier: DirectoryIdentity | null = null,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (nothingRunsIn(directory, earlier)) return true;
    if (performance.now() > deadline) return false;
    for (const pid of processesIn(directory, earlier)) killQuietly(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits, without killing, until nothing works in `directory`; false at the time-out. */
export async function waitUntilGone(
  directory: string,
  timeoutMs: number,
  earlier: DirectoryIdentity | null = null,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!nothingRunsIn(directory, earlier)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

export type PostmasterStatus = {
  readonly pid: number;
  /** `ready`: accepts connections; `standby`: recovering, does not yet. */
  readonly status: 'starting' | 'stopping' | 'ready' | 'standby';
  readonly startedAt: string | null;
};

/** What the postmaster itself last wrote into its pid file; null when there is none. The process may be gone all the same. */
export function readPostmasterFile(dataDirectory: string): PostmasterStatus | null {
  try {
    const lines = readRegularSync(join(dataDirectory, 'postmaster.pid')).toString('utf8').split('\n');
    const pid = Number(lines[0]);
    const status = (lines[7] ?? '').trim();
    const started = Number(lines[2]);
    if (!Number.isInteger(pid) || pid <= 0) return null;
    return {
      pid,
      status: status === 'ready' || status === 'standby' || status === 'stopping' ? status : 'starting',
      startedAt: Number.isFinite(started) && started > 0 ? new Date(started * 1000).toISOString() : null,
    };
  } catch {
    return null;
  }
}
