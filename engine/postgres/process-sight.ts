/**
 * Whether we can see who works in a directory, and how. The kernel shows a process's working directory to its own user and to whoever has
 * CAP_SYS_PTRACE; root without it (a container that drops capabilities) sees none of PostgreSQL's processes, and "nothing seen" would be taken
 * for "nothing there". Then we look as PostgreSQL's user, who sees its own.
 * Invariant: a look that could not be made says so, it never says "nobody". A second witness needs no capability at all: PostgreSQL's shared
 * memory segment counts who is attached to it.
 * No dependencies but Node's own modules: the guardian uses this file too.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularSync } from '../kernel/foreign-files';

/** `complete: false`: there may be more than the pids that were found. */
export type Look = { readonly pids: readonly number[]; readonly complete: boolean };

const ptraceBit = 19n;
/** A start of two small programs; a machine that takes longer is told "not seen", and asked again. */
const lookMs = 5_000;

/** Of a `/proc/<pid>/status`: whether its effective capabilities contain CAP_SYS_PTRACE. */
export function maySeeOthers(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> ptraceBit) & 1n) === 1n;
}

let capable: boolean | null = null;

/** Capabilities don't change within a process of ours. */
function weSeeOthers(): boolean {
  try {
    capable ??= maySeeOthers(readFileSync('/proc/self/status', 'utf8'));
  } catch {
    return false;
  }
  return capable;
}

export type User = { readonly uid: number; readonly gid: number };

/** Users in whose name to look as well; none where our own eyes do, because we have the capability or are that user. */
export function eyesFor(owner: User | null): readonly User[] {
  if (weSeeOthers()) return [];
  return owner === null ? strangers() : owner.uid === process.geteuid?.() ? [] : [owner];
}

/** Users with processes here; whose those in a removed directory are is not known any more. */
function strangers(): readonly User[] {
  const found = new Map<number, User>();
  if (process.geteuid?.() !== 0) return [];
  for (const entry of readdirSync('/proc')) {
    const owner = /^\d+$/.test(entry) ? statSync(`/proc/${entry}`, { throwIfNoEntry: false }) : undefined;
    if (owner && owner.uid !== 0) found.set(owner.uid, { uid: owner.uid, gid: owner.gid });
  }
  return [...found.values()];
}

/** The directory that is asked for: by device and inode, or by its former path where it was removed under those who work in it. */
export type Wanted = { readonly dev: bigint; readonly ino: bigint } | { readonly removed: string };

const format = (wanted: Wanted) => ('removed' in wanted ? '-c %N' : '-L -c "%d %i %n"');

/**
 * Who works there, asked as this user. A program started as that user, not a thread of ours: only a process's own user id counts. It finds itself
 * as well, which proves that it could look.
 */
export function lookAs(user: User, wanted: Wanted): Look {
  const script = `exec stat ${format(wanted)} /proc/self/cwd /proc/[0-9]*/cwd 2>/dev/null`;
  const result = spawnSync('/bin/sh', ['-c', script], {
    uid: user.uid,
    gid: user.gid,
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: lookMs,
  });
  return result.error ? { pids: [], complete: false } : readLook(result.stdout, wanted);
}

/** Of `stat`'s rows. Without the row of itself nothing is proven. */
export function readLook(output: string, wanted: Wanted): Look {
  const pids: number[] = [];
  let complete = false;
  for (const line of output.split('\n')) {
    const who = /\/proc\/(self|\d+)\/cwd\b/.exec(line)?.[1];
    if (who === 'self') complete = true;
    else if (who !== undefined && isRowOf(line, wanted)) pids.push(Number(who));
  }
  return { pids, complete };
}

const isRowOf = (line: string, wanted: Wanted) =>
  'removed' in wanted
    ? line.includes(`${wanted.removed} (deleted)`)
    : line.startsWith(`${wanted.dev} ${wanted.ino} /proc/`);

/** How many processes are attached to the shared memory that the directory's `postmaster.pid` names; 0 where there is no such segment. */
export function attachedTo(directory: string): number {
  let file: string;
  let table: string;
  try {
    file = readRegularSync(join(directory, 'postmaster.pid')).toString('utf8');
    table = readFileSync('/proc/sysvipc/shm', 'utf8');
  } catch {
    return 0;
  }
  const inode = statSync(directory, { bigint: true, throwIfNoEntry: false })?.ino;
  return inode === undefined ? 0 : countAttached(file, table, inode);
}

/** PostgreSQL's key is the directory's inode, or one of the next where that was taken. */
const keysTried = 1000n;
const key32 = (key: bigint) => BigInt.asUintN(32, key);

/**
 * The row must be the one that this server made: same id, key and maker. An old pid file may name what belongs to a stranger by now, and a copied
 * directory has the pid file of its original.
 */
export function countAttached(pidFile: string, table: string, inode: bigint): number {
  const lines = pidFile.split('\n');
  const [, key, id] = /^\s*(\d+)\s+(\d+)\s*$/.exec(lines[6] ?? '') ?? [];
  if (key === undefined || id === undefined) return 0;
  if (key32(BigInt(key) - inode) >= keysTried) return 0;
  for (const line of table.split('\n').slice(1)) {
    const [rowKey, rowId, , , maker, , attached] = line.trim().split(/\s+/);
    if (rowKey === undefined || rowId !== id || key32(BigInt(rowKey)) !== key32(BigInt(key))) continue;
    if (maker === (lines[0] ?? '').trim()) return Number(attached);
  }
  return 0;
}
