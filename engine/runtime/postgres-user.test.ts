import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasName, sharedUser } from '../postgres/native';
import { openPostgresUser } from './postgres-user';

const root = process.getuid?.() === 0;
let place: string;
const kept = () => join(place, 'postgres-user.json');
beforeEach(() => {
  place = realpathSync(mkdtempSync(join(tmpdir(), 'rustydb-user-')));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

// As an ordinary user everything is that user's own: there is nothing to choose.
describe.runIf(root)('the user that PostgreSQL runs as', () => {
  it('is one without a name, chosen once, another one in each installation', () => {
    const first = openPostgresUser(place, false)!;
    expect(first.uid).toBeGreaterThan(60_000);
    expect(first.uid).not.toBe(sharedUser()!.uid);
    expect(hasName(first.uid)).toBe(false);
    for (const own of [false, true]) expect(openPostgresUser(place, own)).toEqual(first);
    rmSync(kept());
    expect(openPostgresUser(place, false)).not.toEqual(first);
  });

  it('stays nobody in an installation of an earlier release, until it is asked for', () => {
    writeFileSync(join(place, 'cluster.json'), '{}');
    expect(openPostgresUser(place, false)).toEqual(sharedUser());
    expect(openPostgresUser(place, false)).toEqual(sharedUser());
    const own = openPostgresUser(place, true)!;
    expect(own.uid).not.toBe(sharedUser()!.uid);
    expect(openPostgresUser(place, false)).toEqual(own);
  });

  it.each(['', '{}', '{"uid": 0, "gid": 0}', '{"uid": "x", "gid": 1}'])(
    'is not guessed from a damaged file: %s',
    (text) => {
      writeFileSync(kept(), text);
      expect(() => openPostgresUser(place, false)).toThrow(/postgres-user\.json is damaged.*ls -ln/);
      expect(readFileSync(kept(), 'utf8')).toBe(text);
    },
  );

  it('is not taken from the file of a newer release', () => {
    writeFileSync(kept(), '{"format": 99, "uid": 5, "gid": 5}');
    expect(() => openPostgresUser(place, false)).toThrow(/format 99/);
  });
});
