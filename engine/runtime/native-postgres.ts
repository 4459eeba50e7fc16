/**
 * The PostgreSQL binaries that npm shipped, made reachable for the user PostgreSQL runs as. As root that is an unprivileged user; where it can't
 * reach the project or the data directory (a home of mode 0700), both fall back to /var/tmp.
 */
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../kernel/errors';
import { checkReachable, findNativeDirectory, hydrateSymlinks, type RunAs } from '../postgres/native';
import { StartError } from './data-directory';
import { openSharedPlace } from './node-places';

export type NativePostgres = {
  /** Holds `bin/postgres`, `bin/initdb`, `lib`, `share`. */
  readonly directory: string;
  readonly runAs: RunAs | null;
};

/** `runAs`: whom the binaries must be reachable for. @throws StartError with what to do. */
export function openNativePostgres(runAs: RunAs | null): NativePostgres {
  let shipped: string;
  try {
    shipped = findNativeDirectory(dirname(fileURLToPath(import.meta.url)));
    hydrateSymlinks(shipped);
  } catch (error) {
    throw new StartError(messageOf(error));
  }
  if (checkReachable(shipped, '/', runAs) === null) return { directory: shipped, runAs };
  const copy = join('/var/tmp', `rustydb-postgres-${digest(shipped)}`);
  openSharedPlace(copy, null, 0o755);
  if (!existsSync(join(copy, 'native', 'bin', 'postgres'))) {
    rmSync(join(copy, 'native.new'), { recursive: true, force: true });
    cpSync(shipped, join(copy, 'native.new'), { recursive: true, verbatimSymlinks: true });
    chmodSync(join(copy, 'native.new'), 0o755);
    renameSync(join(copy, 'native.new'), join(copy, 'native'));
  }
  const trouble = checkReachable(join(copy, 'native'), '/', runAs);
  if (trouble) throw new StartError(trouble);
  return { directory: join(copy, 'native'), runAs };
}

/** `<data>/nodes`, or a place under /var/tmp linked from there when PostgreSQL's user can't enter the data directory. */
export function reachableNodesDirectory(dataDirectory: string, native: NativePostgres): string {
  const direct = join(dataDirectory, 'nodes');
  if (checkReachable(native.directory, direct, native.runAs) === null) return direct;
  const fallback = join('/var/tmp', `rustydb-data-${digest(dataDirectory)}`);
  openSharedPlace(fallback, null, 0o755);
  const trouble = checkReachable(native.directory, fallback, native.runAs);
  if (trouble) throw new StartError(trouble);
  const link = join(dataDirectory, 'nodes-are-here');
  if (!existsSync(link)) symlinkSync(fallback, link);
  return fallback;
}

function digest(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 10);
}
