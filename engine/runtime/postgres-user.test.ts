import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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
    const first = openPostgresUser(place)!;
    expect(first.uid).toBeGreaterThan(60_000);
    expect(first.uid).not.toBe(sharedUser()!.uid);
    expect(hasName(first.uid)).toBe(false);
    expect(openPostgresUser(place)).toEqual(first);
    rmSync(kept());
    expect(openPostgresUser(place)).not.toEqual(first);
  });

  function data(node: string, uid: number): void {
    mkdirSync(join(place, 'nodes', node, 'pgdata'), { recursive: true });
    chownSync(join(place, 'nodes', node, 'pgdata'), uid, uid);
  }

  it('stays nobody in an installation of an earlier release', () => {
    writeFileSync(join(place, 'cluster.json'), '{}');
    expect(openPostgresUser(place)).toEqual(sharedUser());
    data('n-1', sharedUser()!.uid);
    expect(openPostgresUser(place)).toEqual(sharedUser());
    expect(existsSync(kept())).toBe(false);
  });

  it('is whoever owns the data where the file is gone, and never nobody then', () => {
    const first = openPostgresUser(place)!;
    writeFileSync(join(place, 'cluster.json'), '{}');
    for (const node of ['n-1', 'n-2']) data(node, first.uid);
    rmSync(kept());
    expect(openPostgresUser(place)).toEqual(first);
    expect(JSON.parse(readFileSync(kept(), 'utf8'))).toMatchObject(first);
    rmSync(kept());
    data('n-3', sharedUser()!.uid);
    expect(() => openPostgresUser(place)).toThrow(/belongs to different users .*postgres-user\.json/);
  });

  it.each(['', '{}', '{"uid": 0, "gid": 0}', '{"uid": "x", "gid": 1}'])(
    'is not guessed from a damaged file: %s',
    (text) => {
      writeFileSync(kept(), text);
      expect(() => openPostgresUser(place)).toThrow(/postgres-user\.json is damaged.*ls -ln/);
      expect(readFileSync(kept(), 'utf8')).toBe(text);
    },
  );

  it('is not taken from the file of a newer release', () => {
    writeFileSync(kept(), '{"format": 99, "uid": 5, "gid": 5}');
    expect(() => openPostgresUser(place)).toThrow(/format 99/);
  });
});
