/** Which release the programs in a `dist` directory are of: the build writes it beside them. Releases before levels wrote nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Announced, announcedLevel, announcedRelease, goingBackTrouble } from '../kernel/release';

export function bundleRelease(dist: string): Announced {
  try {
    const { release, level } = JSON.parse(readFileSync(join(dist, 'release.json'), 'utf8')) as Announced;
    return typeof release === 'string' && Number.isInteger(level) ? { release, level } : {};
  } catch {
    return {};
  }
}

/** Why the programs in `dist` must not be started on a directory of that level: the code was replaced by an older one while this launcher ran. */
export function olderBundleTrouble(dist: string, directory: string, level: number, release: string): string | null {
  const found = bundleRelease(dist);
  const trouble = goingBackTrouble(
    `The node directory ${directory}`,
    { level, release },
    { level: announcedLevel(found), release: announcedRelease(found) },
  );
  return trouble === null ? null : `The programs in ${dist} are of another release now. ${trouble}`;
}
