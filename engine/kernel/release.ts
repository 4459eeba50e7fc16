/**
 * Which release this program is, and which level of the cluster it understands. Releases run side by side for as long as an operator likes; the
 * *level* is what all of them may do together. It is pinned in the control store, only rises, and rises when every member understands the next one.
 * Invariant: nothing that a process of a lower level would misread (a record field that decides, a step kind, a command, a frame) is written or sent
 * before the cluster's level allows it. What a new level brings stands in `features`; everything older is used without asking.
 */

/** As in package.json (a test compares them). */
export const release = '0.2.0';

/** Processes that tell no level are of the releases before levels were counted. */
export const firstLevel = 1;
export const ownLevel = 2;

/** The first release of each level, for people. */
const firstRelease: Readonly<Record<number, string>> = { 1: '0.1.0', 2: '0.2.0' };

/** From which level on each of them may be used. A row stays until no release of a lower level is supported any more. */
export const features = {
  /** Node directories that older releases refuse to start on. */
  'sealed-directory': 2,
  /** `wantedMode` of a group record: an older holder would never bring its group there. */
  'wanted-mode': 2,
} as const satisfies Readonly<Record<string, number>>;

export type Feature = keyof typeof features;

/** May it be used in a cluster of this level? */
export function usable(feature: Feature, clusterLevel: number): boolean {
  return features[feature] <= clusterLevel;
}

export function releaseOfLevel(level: number): string {
  return firstRelease[level] ?? `the first one of level ${level}`;
}

/** What a process tells of itself. Absent: a release before levels. */
export type Announced = { readonly release?: string; readonly level?: number };

export const ownAnnouncement = { release, level: ownLevel } as const;

export function announcedLevel(announced: Announced | null | undefined): number {
  return announced?.level ?? firstLevel;
}

export function announcedRelease(announced: Announced | null | undefined): string {
  return announced?.release ?? `${releaseOfLevel(announcedLevel(announced))} or older`;
}

/** Why data of `used` can't be opened by a program of `level`; null: it can. */
export function goingBackTrouble(
  what: string,
  used: { readonly level: number; readonly release: string },
  own: { readonly level: number; readonly release: string } = { level: ownLevel, release },
): string | null {
  if (used.level <= own.level) return null;
  return (
    `${what} was used by release ${used.release} (level ${used.level}). This is release ${own.release}, which knows level ${own.level} and ` +
    `could misread what is written there. Start release ${used.release} or a newer one; nothing needs to be moved or restored.`
  );
}
