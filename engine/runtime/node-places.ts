/**
 * Where a node's files lie, and who owns what. Invariant: what root trusts (identity, promises, the control store, the guardian's socket and options) lies
 * in directories that only root can change; PostgreSQL's user owns its data, socket and log directory, each at the end of a path that root owns.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { giveDirectorySync } from '../kernel/foreign-files';
import type { NodeId } from '../kernel/ids';
import { type RunAs, sharedUser } from '../postgres/native';
import { installationDirectories, StartError } from './data-directory';

/** Unix socket paths are limited to about 100 bytes. */
const longestNear = 80;
const othersMayWrite = 0o022;
const othersMayDoAnything = 0o077;

/** A deep data directory gets a short one elsewhere. */
export function socketDirectoryOf(nodeDirectory: string, node: NodeId): string {
  const near = join(nodeDirectory, 'run');
  if (near.length <= longestNear) return near;
  const digest = createHash('sha256').update(nodeDirectory).digest('hex').slice(0, 10);
  return join('/tmp', `rustydb-${digest}-${node.slice(0, 20)}`);
}

/** Not in the socket directory: that one is PostgreSQL's. */
export function guardianSocketOf(nodeDirectory: string, socketDirectory: string): string {
  return join(guardianDirectoryOf(nodeDirectory, socketDirectory), 'guardian.sock');
}

function guardianDirectoryOf(nodeDirectory: string, socketDirectory: string): string {
  return socketDirectory === join(nodeDirectory, 'run') ? nodeDirectory : `${socketDirectory}-guardian`;
}

/**
 * A directory in a place where everybody may make one. `owner`: whom it is for; our own user may have made it and not given it away yet.
 * @throws StartError when another user made it, or others may change what is in it
 */
export function openSharedPlace(path: string, owner: RunAs | null, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const name = lstatSync(path);
  const own = process.getuid?.() ?? name.uid;
  // A link of our own is where the administrator wants it.
  const found = name.isSymbolicLink() && name.uid === own ? statSync(path) : name;
  const trouble = troubleOf(
    found,
    [own, owner?.uid ?? own],
    (mode & 0o077) === 0 ? othersMayDoAnything : othersMayWrite,
  );
  if (trouble !== null) {
    throw new StartError(
      `${path} ${trouble}, so another user of this host may have prepared it. Look at it (ls -ld ${path}) and remove it, or choose another data directory with RUSTYDB_DATA_DIR.`,
    );
  }
  giveDirectorySync(path, owner ?? { uid: own, gid: process.getgid?.() ?? found.gid }, mode);
}

function troubleOf(found: Stats, owners: readonly number[], forbidden: number): string | null {
  if (found.isSymbolicLink()) return 'is a symbolic link';
  if (!found.isDirectory()) return 'is not a directory';
  if (!owners.includes(found.uid)) return `belongs to user ${found.uid}`;
  const open = found.mode & forbidden;
  return open === 0 ? null : `has mode 0${(found.mode & 0o777).toString(8)}`;
}

/** Names in a node's directory that we believe. */
const ours = [
  ...[
    'identity.json',
    'member-state.json',
    'store-begun',
    'raft',
    'archive',
    'slot-copies.json',
    'group-settings.json',
  ],
  ...['last-exit.json', 'replay-speed.json', 'guardian.log', 'startup.log'],
];
/** PostgreSQL's own, and where we look for it: a link there leads us elsewhere. */
const forPostgres = ['pgdata', 'pgdata.new', 'pgdata.old', 'log', 'run', 'sight', 'tablespaces'];

/**
 * The node's directory, made or mended: earlier releases gave it to PostgreSQL's user, who could then put files of its own in the place of ours. It becomes
 * root's first; what it holds is looked at afterwards, when nobody can change it any more.
 * @throws StartError when something in it is not ours
 */
export function openNodeDirectory(directory: string, runAs: RunAs | null): void {
  mkdirSync(directory, { recursive: true, mode: 0o750 });
  // Another user's process of ours is never root: nothing to separate.
  if (runAs === null || process.getuid?.() !== 0) return;
  giveDirectorySync(directory, { uid: 0, gid: runAs.gid }, 0o750);
  for (const name of [...ours, ...forPostgres]) {
    const path = join(directory, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found || found.uid === 0 || (forPostgres.includes(name) && !found.isSymbolicLink())) continue;
    const what = found.isSymbolicLink() ? 'is a symbolic link that belongs' : 'belongs';
    throw new StartError(
      `${path} ${what} to user ${found.uid} and not to root, so it is not trusted. Look at it: if it is rightly there, give it to root (chown -h root ${path}); otherwise move ${directory} away: the node then joins as a new member and copies its data from the primary.`,
    );
  }
}

/** Root trusts what lies in the data directory, so PostgreSQL's user, or everybody, may not change it. @throws StartError */
export function refuseForeignData(dataDirectory: string, runAs: RunAs | null): void {
  if (runAs === null) return;
  for (const path of [dataDirectory, ...installationDirectories.map((name) => join(dataDirectory, name))]) {
    const { uid, mode } = statSync(path);
    const shared = uid === sharedUser()?.uid;
    if (uid !== runAs.uid && !shared && (mode & 0o002) === 0) continue;
    const whose = uid === runAs.uid ? 'that PostgreSQL runs as' : 'that programs share';
    const trouble =
      uid === runAs.uid || shared ? `belongs to the user ${whose} (uid ${uid})` : 'can be changed by everybody';
    throw new StartError(
      `${path} ${trouble}, and RustyDB runs as root: that user could exchange what root relies on. Give it to root (chown root ${path}; chmod go-w ${path}), or choose another data directory with RUSTYDB_DATA_DIR.`,
    );
  }
}

/** Both socket directories; the guardian's is our own user's. */
export function openSocketDirectories(nodeDirectory: string, socketDirectory: string, runAs: RunAs | null): void {
  const guardian = guardianDirectoryOf(nodeDirectory, socketDirectory);
  if (guardian !== nodeDirectory) {
    openSharedPlace(socketDirectory, runAs, 0o700);
    openSharedPlace(guardian, null, 0o700);
    return;
  }
  // Nobody else makes anything in the node's directory.
  mkdirSync(socketDirectory, { recursive: true, mode: 0o700 });
  giveDirectorySync(socketDirectory, runAs ?? { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }, 0o700);
}
