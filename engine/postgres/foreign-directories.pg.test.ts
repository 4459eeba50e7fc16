/**
 * PostgreSQL's user against the root agent: everything here is done by that user (uid of `runAs`), in the directories that it owns. Only root has rights
 * that it lacks, so without root these tests are left out.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTimeout } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { takeOverSocket } from './guardian-link';
import { proveSight } from './sight-proof';
import { markTimelines, removeDanglingMarks } from './timeline-reservations';

const root = process.getuid?.() === 0;

let fixture: PgFixture;
let node: TestNode;
/** A file that only root may read or change. */
let secret: string;
const secretLine = `${JSON.stringify({ timestamp: '2026-01-01 00:00:00.000 UTC', pid: 1, error_severity: 'LOG', message: 'for root alone' })}\n`;

beforeAll(async () => {
  if (!root) return;
  fixture = await PgFixture.create();
  secret = join(fixture.root, 'secret');
  writeFileSync(secret, secretLine, { mode: 0o600 });
  node = await fixture.primary('node-1');
});
afterAll(() => fixture?.close());

/** A shell command of PostgreSQL's user. */
function asThem(command: string, ...words: readonly string[]): void {
  const { uid, gid } = node.configuration.runAs!;
  execFileSync('/bin/sh', ['-ec', command, 'sh', ...words], { uid, gid, cwd: '/' });
}

function expectSecretUntouched(): void {
  expect(readFileSync(secret, 'utf8')).toBe(secretLine);
  const { uid, mode } = statSync(secret);
  expect([uid, mode & 0o777]).toEqual([0, 0o600]);
}

const all = { limit: 1000, level: null, contains: null };

describe.runIf(root)('PostgreSQL’s user', () => {
  it('lets root neither write nor give away a file through links in the data directory', async () => {
    const { dataDirectory } = node.configuration.paths;
    await node.server.stop('fast', 10_000);
    const files = ['postgresql.conf', 'rustydb.conf', 'pg_hba.conf', 'postgresql.auto.conf'];
    for (const name of files) {
      const path = join(dataDirectory, name);
      asThem('rm -f "$1"; for name in "$1" "$1.tmp" "$1.new"; do ln -s "$2" "$name"; done', path, secret);
    }
    await node.server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
    expectSecretUntouched();
    for (const name of files) expect(readFileSync(join(dataDirectory, name), 'utf8')).not.toContain('for root');
  });

  it('lets root mark no timeline elsewhere, by a link for the file or for its directory', async () => {
    const ours = join(fixture.root, 'ours');
    mkdirSync(ours);
    const data = join(fixture.root, 'data');
    mkdirSync(data);
    const { uid, gid } = node.configuration.runAs!;
    execFileSync('chown', [`${uid}:${gid}`, data]);
    asThem('ln -s "$1" "$2/pg_wal"', ours, data);
    await expect(markTimelines(data, 3, 5)).rejects.toThrow();
    await expect(removeDanglingMarks(data)).rejects.toThrow();
    expect(existsSync(join(ours, '00000003.history'))).toBe(false);
    asThem('rm "$2/pg_wal"; mkdir "$2/pg_wal"; ln -s "$1" "$2/pg_wal/00000003.history"', secret, data);
    await markTimelines(data, 3, 5);
    expectSecretUntouched();
    expect(statSync(join(data, 'pg_wal', '00000004.history')).uid).toBe(uid);
  });

  it('neither hangs the log page nor has it show root’s files', async () => {
    const { logDirectory } = node.configuration.paths;
    asThem('mkfifo "$1/zz.json"; ln -s "$2" "$1/zy.json"; ln -s /dev/zero "$1/zx.json"', logDirectory, secret);
    const { lines } = await withTimeout(node.server.logs(all), 10_000, 'the log page');
    expect(lines.length).toBeGreaterThan(0);
    expect(JSON.stringify(lines)).not.toContain('for root alone');
  });

  it('doesn’t stop the agent by a FIFO in the place of a file that it reads', async () => {
    const { paths } = node.configuration;
    await node.server.stop('fast', 10_000);
    for (const name of ['postmaster.pid', 'postgresql.auto.conf', 'global/pg_control', 'PG_VERSION']) {
      const path = join(paths.dataDirectory, name);
      asThem('if [ -e "$1" ]; then mv "$1" "$1.kept"; fi; mkfifo "$1"', path);
      const start = node.server.start('primary', { serveForMs: 600_000, timeoutMs: 10_000 });
      await withTimeout(
        start.then(() => node.server.stop('fast', 10_000)).catch(() => undefined),
        30_000,
        name,
      );
      asThem('rm -f "$1"; if [ -e "$1.kept" ]; then mv "$1.kept" "$1"; fi', path);
    }
    await node.server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
  });

  it('isn’t given a directory by a link in the place of its own', async () => {
    const ours = join(fixture.root, 'ours-too');
    mkdirSync(ours, { mode: 0o700 });
    const theirs = join(fixture.root, 'theirs');
    mkdirSync(theirs);
    const { uid, gid } = node.configuration.runAs!;
    execFileSync('chown', [`${uid}:${gid}`, theirs]);
    asThem('ln -s "$1" "$2/sight"', ours, theirs);
    await expect(proveSight(join(theirs, 'sight'), node.configuration.runAs)).rejects.toThrow();
    expect(statSync(ours).uid).toBe(0);
  });

  it('can’t enter a clone while root writes it', async () => {
    const standby = await fixture.node('node-2');
    standby.proxy.target = node.configuration.port;
    const seen: (readonly number[])[] = [];
    const onProgress = () => {
      const { uid, mode } = statSync(`${standby.configuration.paths.dataDirectory}.new`);
      seen.push([uid, mode & 0o777]);
    };
    await standby.server.baseBackup({ slot: 'rustydb_node_2', onProgress, signal: new AbortController().signal });
    expect(seen.length).toBeGreaterThan(0);
    for (const one of seen) expect(one).toEqual([0, 0o700]);
    expect(statSync(standby.configuration.paths.dataDirectory).uid).toBe(node.configuration.runAs!.uid);
    // A second copy removes the first, which is theirs by now: a link in it leads nowhere.
    const kept = join(fixture.root, 'kept');
    mkdirSync(kept);
    writeFileSync(join(kept, 'file'), '');
    asThem('ln -s "$1" "$2/base/link"', kept, standby.configuration.paths.dataDirectory);
    await standby.server.baseBackup({
      slot: 'rustydb_node_2',
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    expect(existsSync(join(kept, 'file'))).toBe(true);
    await standby.server.start('standby', { slot: 'rustydb_node_2', timeoutMs: 30_000 });
  });

  it('is no guardian: only a socket that root made in the socket directory is taken over', async () => {
    const { socketDirectory, guardianSocket } = node.configuration.paths;
    const earlier = join(socketDirectory, 'guardian.sock');
    const taken = join(fixture.root, 'taken.sock');
    asThem('ln -sf "$1" "$2"', guardianSocket, earlier);
    expect(await takeOverSocket(earlier, taken)).toBe(false);
    asThem('rm "$1"', earlier);
    const server = createServer().listen(earlier);
    await new Promise((resolve) => server.once('listening', resolve));
    execFileSync('chown', ['-h', String(node.configuration.runAs!.uid), earlier]);
    expect(await takeOverSocket(earlier, taken)).toBe(false);
    expect(existsSync(taken)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe.runIf(root)('a guardian of an earlier release, in the socket directory', () => {
  it('is found by the next agent, and its server goes on', async () => {
    const { proxy, ...configuration } = await fixture.configuration('node-3');
    const { paths } = configuration;
    const earlier = {
      ...configuration,
      paths: { ...paths, guardianSocket: join(paths.socketDirectory, 'guardian.sock') },
    };
    const before = fixture.attach(earlier);
    await before.bootstrap();
    await before.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
    fixture.remember(before.guardianPid());
    const after = fixture.attach(configuration);
    expect((await after.adopt())?.postmasterPid).toBe(before.postmasterPid());
    expect(after.guardianPid()).toBe(before.guardianPid());
    await after.stop('fast', 10_000);
    await after.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
    // The way back: an agent of that release finds a guardian of this one.
    const pid = after.postmasterPid();
    await after.close();
    const again = fixture.attach(earlier);
    expect((await again.adopt())?.postmasterPid).toBe(pid);
    await again.stop('fast', 10_000);
    await proxy.close();
  });
});
