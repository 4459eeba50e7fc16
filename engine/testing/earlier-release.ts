/**
 * The programs of an earlier release, built from this repository's own history by that release's own script, for tests of upgrades: what stands there
 * is what operators run, and no copy of it can be kinder. Built once per clone and commit, in `.releases`, where the packages are found as well.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf } from '../kernel/errors';

/** The last release before levels were counted. */
export const beforeLevels = 'a84f961dcd2b5a12ef2d2fcb1d57e5c281933b39';

/** Its `dist` directory. @throws Error when the history is not there (a shallow clone). */
export function earlierRelease(commit: string): string {
  const place = resolve('.releases');
  const built = join(place, commit.slice(0, 12));
  if (existsSync(join(built, 'dist', 'launcher.mjs'))) return join(built, 'dist');
  mkdirSync(place, { recursive: true });
  const making = mkdtempSync(join(place, 'making-'));
  try {
    unpack(commit, making);
    execFileSync(process.execPath, ['scripts/build.mjs', '--server-only'], {
      cwd: making,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, NODE_V8_COVERAGE: '' },
    });
    // Nothing of it is to be found by tools that walk this repository.
    for (const name of readdirSync(making))
      if (name !== 'dist' && name !== 'package.json') rmSync(join(making, name), { recursive: true });
    try {
      renameSync(making, built);
    } catch (error) {
      // Another test built the same meanwhile.
      if (!existsSync(join(built, 'dist', 'launcher.mjs'))) throw error;
    }
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return join(built, 'dist');
}

function unpack(commit: string, directory: string): void {
  let archive: Buffer;
  try {
    archive = execFileSync('git', ['archive', '--format=tar', commit], {
      maxBuffer: 256 << 20,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw new Error(
      `The release ${commit.slice(0, 7)} can't be taken from the history (${messageOf(error).split('\n')[0]}). Clone with the whole history: git fetch --unshallow.`,
    );
  }
  execFileSync('tar', ['-x', '-C', directory], { input: archive });
}
