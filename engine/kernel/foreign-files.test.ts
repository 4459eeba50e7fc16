import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renameDurably, replaceFile } from './durable-file';
import {
  createNew,
  ensureDirectory,
  giveDirectorySync,
  inDirectory,
  openRegular,
  readRegularSync,
  readRegularText,
  removeTree,
} from './foreign-files';
import { replaceFile as replaceSmallFile, systemFiles } from './small-files';

const root = process.getuid?.() === 0;
/** Another user than root; its files are made by root and given to it. */
const them = { uid: 65534, gid: 65534 };
const owner = root ? them : null;

let place: string;
/** Theirs. */
let directory: string;
/** A file of ours that nobody else may read or change. */
let secret: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'rustydb-foreign-'));
  chmodSync(place, 0o755);
  directory = join(place, 'theirs');
  mkdirSync(directory, { mode: 0o700 });
  if (root) chownSync(directory, them.uid, them.gid);
  secret = join(place, 'secret');
  writeFileSync(secret, 'for us alone', { mode: 0o600 });
});

afterEach(() => rmSync(place, { recursive: true, force: true }));

function expectSecretUntouched(): void {
  expect(readFileSync(secret, 'utf8')).toBe('for us alone');
  const { uid, mode } = statSync(secret);
  expect([uid, mode & 0o777]).toEqual([process.getuid!(), 0o600]);
}

describe('a file in another user’s directory', () => {
  const link = (name: string) => symlinkSync(secret, join(directory, name));

  it('is replaced, and a link by its name or by any name aside leads nowhere', async () => {
    for (const name of ['conf', 'conf.tmp', 'conf.new']) link(name);
    await replaceFile(join(directory, 'conf'), 'new text', owner);
    expectSecretUntouched();
    const found = lstatSync(join(directory, 'conf'));
    expect([found.isFile(), found.mode & 0o777, found.uid]).toEqual([true, 0o600, owner?.uid ?? process.getuid!()]);
    expect(readdirSync(directory).sort()).toEqual(['conf', 'conf.new', 'conf.tmp']);
  });

  it('is replaced by the small files as well, in place of a link by the foreseeable name', () => {
    for (const name of ['state', 'state.new']) link(name);
    replaceSmallFile(systemFiles, join(directory, 'state'), 'new text');
    expectSecretUntouched();
    expect(readFileSync(join(directory, 'state'), 'utf8')).toBe('new text');
  });

  it('leaves no name aside behind when it can’t be put in place', async () => {
    mkdirSync(join(directory, 'conf'));
    await expect(replaceFile(join(directory, 'conf'), 'x', owner)).rejects.toThrow();
    expect(readdirSync(directory)).toEqual(['conf']);
  });

  it('is made anew or not at all', async () => {
    link('mark');
    await expect(createNew(join(directory, 'mark'), 0o600, owner)).rejects.toMatchObject({ code: 'EEXIST' });
    expectSecretUntouched();
  });

  it('is not read through a link', async () => {
    link('log.json');
    await expect(readRegularText(join(directory, 'log.json'))).rejects.toThrow();
    expect(() => readRegularSync(join(directory, 'log.json'))).toThrow();
    expect(() => systemFiles.readText(join(directory, 'log.json'))).toThrow();
  });

  it('is not waited for: a FIFO and a device are no files', async () => {
    execFileSync('mkfifo', ['-m', '666', join(directory, 'fifo')]);
    const others = [join(directory, 'fifo'), '/dev/zero', directory];
    for (const path of others) {
      await expect(openRegular(path), path).rejects.toThrow(/not a regular file/);
      expect(() => readRegularSync(path), path).toThrow(/not a regular file/);
    }
  });

  it('is read up to a bound', async () => {
    const path = join(directory, 'long');
    writeFileSync(path, 'text');
    truncateSync(path, 1000);
    await expect(readRegularText(path, 999)).rejects.toThrow('1000 bytes, at most 999');
    expect(() => readRegularSync(path, 999)).toThrow('1000 bytes, at most 999');
    expect((await readRegularText(path, 1000)).length).toBe(1000);
  });
});

describe('a directory', () => {
  it('is given away by itself: in place of a link nothing changes its owner', async () => {
    const target = join(place, 'ours');
    mkdirSync(target, { mode: 0o700 });
    const name = join(directory, 'sight');
    symlinkSync(target, name);
    if (root) lchownSync(name, them.uid, them.gid);
    if (root) {
      await expect(ensureDirectory(name, 0o700, owner)).rejects.toThrow();
      expect(() => giveDirectorySync(name, them, 0o777)).toThrow();
    } else await ensureDirectory(name, 0o700, null);
    const { uid, mode } = statSync(target);
    expect([uid, mode & 0o777]).toEqual([process.getuid!(), 0o700]);
  });

  it('has the mode that was asked for when it is new', async () => {
    await ensureDirectory(join(place, 'a', 'b'), 0o755, owner);
    expect(statSync(join(place, 'a', 'b')).mode & 0o777).toBe(0o755);
  });
});

describe('what is removed', () => {
  it('is a name: what a link leads to stays', async () => {
    const kept = join(place, 'kept');
    mkdirSync(kept);
    writeFileSync(join(kept, 'file'), '');
    symlinkSync(kept, join(directory, 'link'));
    await removeTree(join(directory, 'link'));
    await removeTree(directory);
    await removeTree(join(place, 'nothing'));
    expect(existsSync(directory)).toBe(false);
    expect(existsSync(join(kept, 'file'))).toBe(true);
  });
});

// Only root has rights that another user lacks: as an ordinary user these attacks have nothing to gain and are left out.
describe.runIf(root)('root in another user’s directory', () => {
  it('does not read a hard link to what its owner can’t read', async () => {
    linkSync(secret, join(directory, 'log.json'));
    await expect(readRegularText(join(directory, 'log.json'))).rejects.toThrow(
      'belongs to user 0, its directory to user 65534',
    );
    expect(() => readRegularSync(join(directory, 'log.json'))).toThrow('belongs to user 0');
  });

  it('goes into a directory only as the one that its owner has, and stays in that one', async () => {
    const ours = join(place, 'ours');
    mkdirSync(ours);
    symlinkSync(ours, join(directory, 'pg_wal'));
    await expect(inDirectory(join(directory, 'pg_wal'), them, async () => undefined)).rejects.toThrow(
      'belongs to user 0 and not to user 65534',
    );
    const wal = join(directory, 'wal');
    mkdirSync(wal);
    chownSync(wal, them.uid, them.gid);
    await inDirectory(wal, them, async (at) => {
      // Exchanged for a link while we are at it.
      await renameDurably(wal, join(directory, 'elsewhere'));
      symlinkSync(ours, wal);
      await writeFile(join(at, 'mark'), '');
    });
    expect(readdirSync(join(directory, 'elsewhere'))).toEqual(['mark']);
    expect(readdirSync(ours)).toEqual([]);
  });

  it('removes as that user: what he may not remove stays, however he gets it into the way', async () => {
    const ours = join(place, 'ours');
    mkdirSync(join(ours, 'deep'), { recursive: true });
    writeFileSync(join(ours, 'deep', 'file'), '');
    // A directory that is exchanged for a link in the middle of a walk ends here: below something that only root may remove.
    mkdirSync(join(directory, 'base', 'root-made'), { recursive: true });
    writeFileSync(join(directory, 'base', 'root-made', 'file'), '');
    chownSync(join(directory, 'base'), them.uid, them.gid);
    await expect(removeTree(directory)).rejects.toThrow(/can't be removed by user 65534, who owns it/);
    expect(existsSync(join(directory, 'base', 'root-made', 'file'))).toBe(true);
    expect(existsSync(join(ours, 'deep', 'file'))).toBe(true);
  });
});
