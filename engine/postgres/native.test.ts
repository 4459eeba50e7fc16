import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkReachable, findNativeDirectory, hydrateSymlinks, sharedUser } from './native';
import { killAllIn, processesIn, readPostmasterFile } from './processes';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'rustydb-native-')));
chmodSync(directory, 0o755);
afterAll(() => rmSync(directory, { recursive: true }));

describe('binaries', () => {
  it('are found, and their links repaired once', () => {
    const native = findNativeDirectory(process.cwd());
    hydrateSymlinks(native);
    expect(hydrateSymlinks(native)).toBe(0);
    expect(checkReachable(native, directory, sharedUser())).toBeNull();
  });

  it('missing links are made relative, so that the directory can move', () => {
    const native = join(directory, 'package', 'native');
    mkdirSync(join(native, 'lib'), { recursive: true });
    writeFileSync(join(native, 'lib', 'libpq.so.5.18'), '');
    writeFileSync(
      join(native, 'pg-symlinks.json'),
      JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]),
    );
    expect(hydrateSymlinks(native)).toBe(1);
    expect(readlinkSync(join(native, 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
    expect(hydrateSymlinks(native)).toBe(0);
  });

  it.runIf(process.getuid?.() === 0)('the unprivileged user’s way is really tried', () => {
    const closed = join(directory, 'closed');
    mkdirSync(join(closed, 'data'), { recursive: true });
    chmodSync(closed, 0o700);
    const native = findNativeDirectory(process.cwd());
    expect(sharedUser()?.uid).toBeGreaterThan(0);
    expect(checkReachable(native, join(closed, 'data'), sharedUser())).toMatch(/can't enter .*RUSTYDB_DATA_DIR/);
    expect(checkReachable(closed, directory, sharedUser())).toMatch(/can't run/);
  });
});

describe.runIf(process.platform === 'linux')('processes of a directory', () => {
  it('are found after a rename, each in its own group, and killed; others are not', async () => {
    const before = join(directory, 'before');
    mkdirSync(before);
    const workers = [1, 2].map(() => spawn('sleep', ['600'], { cwd: before, detached: true, stdio: 'ignore' }));
    const stranger = spawn('sleep', ['600'], { cwd: directory, stdio: 'ignore' });
    await Promise.all([...workers, stranger].map((child) => new Promise((resolve) => child.once('spawn', resolve))));
    const after = join(directory, 'after');
    renameSync(before, after);
    expect(processesIn(after).sort()).toEqual(workers.map((worker) => worker.pid!).sort());
    expect(processesIn(before)).toEqual([]);
    expect(await killAllIn(after, 5000)).toBe(true);
    expect(processesIn(after)).toEqual([]);
    expect(stranger.exitCode).toBeNull();
    expect(processesIn(directory)).toEqual([stranger.pid]);
    stranger.kill('SIGKILL');
  });

  it('a pid file is read line by line', () => {
    writeFileSync(join(directory, 'postmaster.pid'), '42\n/d\n1700000000\n5432\n/s\n127.0.0.1\n  1 2\nstandby \n');
    expect(readPostmasterFile(directory)).toEqual({
      pid: 42,
      status: 'standby',
      startedAt: '2023-11-14T22:13:20.000Z',
    });
    writeFileSync(join(directory, 'postmaster.pid'), '');
    expect(readPostmasterFile(directory)).toBeNull();
  });
});
