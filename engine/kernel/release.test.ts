import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  announcedLevel,
  announcedRelease,
  type Feature,
  features,
  firstLevel,
  goingBackTrouble,
  ownLevel,
  release,
  usable,
} from './release';

describe('this release', () => {
  it('has the number of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(release).toBe(version);
  });

  it('knows every feature that it lists, and lists none of the first level', () => {
    for (const level of Object.values(features)) {
      expect(level).toBeGreaterThan(firstLevel);
      expect(level).toBeLessThanOrEqual(ownLevel);
    }
  });

  it('uses a feature from its level on', () => {
    for (const [feature, level] of Object.entries(features)) {
      expect(usable(feature as Feature, level - 1)).toBe(false);
      expect(usable(feature as Feature, level)).toBe(true);
      expect(usable(feature as Feature, level + 1)).toBe(true);
    }
  });
});

describe('what a process tells of itself', () => {
  it('is the first level when it tells nothing', () => {
    expect(announcedLevel(undefined)).toBe(1);
    expect(announcedLevel({})).toBe(1);
    expect(announcedRelease({})).toBe('0.1.0 or older');
    expect(announcedRelease({ release: '0.2.1', level: 2 })).toBe('0.2.1');
  });
});

describe('going back', () => {
  it.each([
    [1, 1, false],
    [1, 2, false],
    [2, 2, false],
    [3, 2, true],
    [2, 1, true],
  ])('data of level %i, program of level %i: refused %s', (used, own, refused) => {
    const trouble = goingBackTrouble(
      'The directory',
      { level: used, release: '9.0.0' },
      { level: own, release: '8.0.0' },
    );
    expect(trouble !== null).toBe(refused);
    if (trouble !== null) expect(trouble).toMatch(/9\.0\.0 \(level \d\).*release 8\.0\.0.*Start release 9\.0\.0/);
  });
});
