import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemDisk } from '../../kernel/disk';
import { systemLoop } from '../../kernel/loop';
import { defaultLimits, type Entry, type Persist } from './core/model';
import { initialState } from './core/step';
import { decodeFrames, encodeFrame } from './log-frames';
import { RaftLogStorage } from './log-storage';
import { PersistQueue } from './persist-queue';

const self = { id: 'a', incarnation: '1' };
const entry = (index: number, term: number): Entry => ({ index, term, kind: 'txn', data: `${index}/${term}` });
const snapshot = (index: number, term: number) => ({
  index,
  term,
  configuration: { voters: [self], learners: [] },
  parts: ['state', ' in parts'],
});

let directory: string;
const opened: RaftLogStorage[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'raft-log-'));
});

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
  await rm(directory, { recursive: true, force: true });
});

async function openStorage(maxSegmentBytes?: number) {
  const result = await RaftLogStorage.open({ directory, self, maxSegmentBytes });
  opened.push(result.storage);
  return result;
}

describe('frames', () => {
  const frames = ['one', 'two', 'three'].map((text) => encodeFrame(Buffer.from(text)));
  const whole = Buffer.concat(frames);

  it('reads back what was written', () => {
    const { bodies, end } = decodeFrames(whole);
    expect([bodies.map(String), end]).toEqual([['one', 'two', 'three'], 'clean']);
  });

  it('calls every cut of the last frame torn, and keeps the frames before', () => {
    const start = whole.length - frames[2]!.length;
    for (let length = start + 1; length < whole.length; length++) {
      expect(decodeFrames(whole.subarray(0, length))).toMatchObject({ end: 'torn', goodBytes: start });
    }
  });

  it('calls every changed byte before the last frame damage', () => {
    for (let at = 0; at < whole.length - frames[2]!.length; at++) {
      const copy = Buffer.from(whole);
      copy[at] = copy[at]! ^ 0xff;
      expect(decodeFrames(copy).end).toBe('damaged');
    }
  });
});

describe('log storage', () => {
  it('is empty at first, then gives back term, vote and entries', async () => {
    const first = await openStorage();
    expect(first.recovered).toBeNull();
    await first.storage.append({ term: 3, vote: 'b@1' }, [entry(1, 1), entry(2, 3)]);
    await first.storage.append(null, [entry(3, 3)]);
    const { recovered } = await openStorage();
    expect(recovered).toMatchObject({
      hardState: { term: 3, vote: 'b@1' },
      entries: [entry(1, 1), entry(2, 3), entry(3, 3)],
    });
  });

  it('replaces a conflicting tail', async () => {
    const { storage } = await openStorage();
    await storage.append(null, [entry(1, 1), entry(2, 1), entry(3, 1)]);
    await storage.append(null, [entry(2, 2)]);
    expect((await openStorage()).recovered?.entries).toEqual([entry(1, 1), entry(2, 2)]);
  });

  it('rolls segments and reads them all', async () => {
    const { storage } = await openStorage(200);
    for (let index = 1; index <= 20; index++) await storage.append({ term: index, vote: null }, [entry(index, index)]);
    expect((await readdir(directory)).length).toBeGreaterThan(3);
    const { recovered } = await openStorage();
    expect(recovered?.entries.map((item) => item.index)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect(recovered?.hardState.term).toBe(20);
  });

  it('a rewrite leaves one segment and the newest snapshot', async () => {
    const { storage } = await openStorage(200);
    for (let index = 1; index <= 10; index++) await storage.append(null, [entry(index, 1)]);
    await storage.saveSnapshot(snapshot(5, 1), snapshot(5, 1).parts);
    await storage.saveSnapshot(snapshot(8, 1), snapshot(8, 1).parts);
    await storage.rewrite([entry(8, 1), entry(9, 1), entry(10, 1)], { term: 2, vote: null });
    expect(await readdir(directory)).toHaveLength(2);
    const { recovered } = await openStorage();
    expect(recovered).toMatchObject({
      snapshot: { ...snapshot(8, 1), parts: ['state in parts'] },
      hardState: { term: 2 },
    });
    expect(recovered?.entries).toHaveLength(3);
  });

  it.each([
    ['matching entries are kept', [entry(2, 1), entry(3, 1), entry(4, 1)], 4],
    ['a log that differs at the snapshot is void', [entry(2, 1), entry(3, 9), entry(4, 9)], 3],
    ['a log that ends before the snapshot is void', [entry(2, 1)], 3],
  ])('crash between snapshot and rewrite: %s', async (_, entries, last) => {
    const { storage } = await openStorage();
    await storage.append({ term: 9, vote: null }, entries);
    await storage.saveSnapshot(snapshot(3, 1), snapshot(3, 1).parts);
    const { recovered } = await openStorage();
    const options = { self, heartbeatMs: 100, electionMs: 500, limits: defaultLimits, seed: 1, now: 0 };
    const state = initialState({ ...options, recovered: recovered! });
    expect([state.durableIndex, state.commitIndex]).toEqual([last, 3]);
  });

  it('forgets half-written temporary files', async () => {
    const { storage } = await openStorage();
    await storage.append(null, [entry(1, 1)]);
    await writeFile(join(directory, 'snapshot-0000000000000009.tmp'), 'half');
    expect((await openStorage()).recovered?.snapshot).toBeNull();
  });

  it('refuses a damaged snapshot with a sentence that says what to do', async () => {
    const { storage } = await openStorage();
    await storage.saveSnapshot(snapshot(3, 1), snapshot(3, 1).parts);
    await storage.rewrite([], null);
    const file = await open(join(directory, 'snapshot-0000000000000003'), 'r+');
    await file.write(Buffer.from('#'), 0, 1, 30);
    await file.close();
    await expect(openStorage()).rejects.toThrow(
      /snapshot-0+3 is damaged .* move the directory .* away .* rejoins as a new member/,
    );
  });

  it('takes a moved directory on the word of the operator, once', async () => {
    const { storage } = await openStorage();
    await storage.append(null, [entry(1, 1)]);
    const moved = join(directory, 'moved');
    await mkdir(moved);
    for (const name of await readdir(directory))
      if (name !== 'moved') await cp(join(directory, name), join(moved, name));
    await expect(RaftLogStorage.open({ directory: moved, self })).rejects.toThrow(/is a copy/);
    const accepted = await RaftLogStorage.open({ directory: moved, self, acceptMoved: true });
    opened.push(accepted.storage);
    const again = await RaftLogStorage.open({ directory: moved, self });
    opened.push(again.storage);
    expect(again.recovered?.entries).toEqual([entry(1, 1)]);
  });

  it('writes a snapshot in parts as one frame, as every release reads it', async () => {
    const { storage } = await openStorage();
    const parts = ['plain ', 'quoted "\\\n', 'half a pair \ud83d', '\ude00 and the other', '€'];
    const { parts: _, ...head } = snapshot(5, 1);
    await storage.saveSnapshot(head, parts);
    const { bodies, end } = decodeFrames(await readFile(join(directory, 'snapshot-0000000000000005')));
    expect([bodies.length, end]).toEqual([1, 'clean']);
    expect(JSON.parse(String(bodies[0]))).toEqual({ ...head, data: parts.join(''), member: self });
    await storage.rewrite([entry(6, 1)], { term: 1, vote: null });
    expect((await openStorage()).recovered?.snapshot).toEqual({ ...head, parts: [parts.join('')] });
  });

  it('writes a log that is large in frames of a bounded size, and reads it back', async () => {
    const { storage } = await openStorage();
    const big = Array.from({ length: 40 }, (_, at): Entry => ({ ...entry(at + 1, 1), data: 'x'.repeat(30_000) }));
    storage.noteCommitted(7);
    await storage.rewrite(big, { term: 1, vote: null });
    const name = (await readdir(directory)).find((file) => file.startsWith('log-'))!;
    const { bodies } = decodeFrames(await readFile(join(directory, name)));
    expect(bodies.length).toBeGreaterThan(8);
    expect(Math.max(...bodies.map((body) => body.length))).toBeLessThan(256 << 10);
    const { recovered, committed } = await openStorage();
    expect(recovered?.entries).toEqual(big);
    expect(committed).toBe(7);
  });

  it('refuses a directory whose log is gone', async () => {
    const { storage } = await openStorage();
    await storage.saveSnapshot(snapshot(3, 1), snapshot(3, 1).parts);
    await expect(openStorage()).rejects.toThrow(/holds a snapshot but no log/);
  });

  it.each(['ensureDirectory', 'list', 'read', 'place', 'truncate'] as const)(
    'takes a disk that fails to %s at the start for a failed disk, not for a directory that can’t be used',
    async (call) => {
      const { storage } = await openStorage();
      await storage.append({ term: 1, vote: null }, [entry(1, 1), entry(2, 1)]);
      await storage.close();
      const [log] = (await readdir(directory)).filter((name) => name.startsWith('log'));
      await truncate(join(directory, log!), (await readFile(join(directory, log!))).length - 1);
      await writeFile(join(directory, 'snapshot-9.tmp'), 'half');
      const failing = (code: string) => ({
        ...systemDisk,
        [call]: async () => {
          throw Object.assign(new Error(`${code}: ${call}`), { code });
        },
      });
      const started = (code: string) => RaftLogStorage.open({ directory, self, disk: failing(code) });
      await expect(started('EACCES')).rejects.not.toMatchObject({ name: 'DiskFailure' });
      await expect(started('EIO')).rejects.toMatchObject({ name: 'DiskFailure' });
      expect((await openStorage()).recovered).not.toBeNull();
    },
  );

  it('takes a failed sync at the start for a failed disk, also where there is no room', async () => {
    const { storage } = await openStorage();
    await storage.append({ term: 1, vote: null }, [entry(1, 1)]);
    const failing = (code: string) => async () => {
      throw Object.assign(new Error(code), { code });
    };
    const disk = { ...systemDisk, create: failing('ENOSPC'), syncDirectory: failing('EIO') };
    await expect(RaftLogStorage.open({ directory, self, disk })).rejects.toMatchObject({ name: 'DiskFailure' });
  });

  it('writes nothing after a failure', async () => {
    const { storage } = await openStorage(1);
    await storage.append(null, [entry(1, 1)]);
    await rm(directory, { recursive: true });
    await expect(storage.append(null, [entry(2, 1)])).rejects.toThrow(/can't write to .* The process ends/);
    await expect(storage.append(null, [entry(3, 1)])).rejects.toThrow(/can't write to/);
  });
});

describe('group commit', () => {
  const effect = (token: number, entries: readonly Entry[]): Persist => ({
    kind: 'persist',
    token,
    hardState: null,
    entries,
    snapshot: null,
    rewrite: null,
    lastIndex: token,
    lastTerm: 1,
    messages: [],
  });

  it('shares one write among what gathered meanwhile, and reports in order', async () => {
    const { storage } = await openStorage();
    let writes = 0;
    const append = storage.append.bind(storage);
    storage.append = (...args) => {
      writes++;
      return append(...args);
    };
    const tokens: number[] = [];
    const queue = new PersistQueue(storage, systemLoop, {
      send: () => undefined,
      persisted: (token) => tokens.push(token),
      failed: (error) => {
        throw error;
      },
      full: () => undefined,
      roomAgain: () => undefined,
    });
    for (let token = 1; token <= 50; token++) queue.push(effect(token, [entry(token, 1)]));
    await queue.stop();
    expect([writes, tokens]).toEqual([2, [1, 50]]);
    expect((await openStorage()).recovered?.entries).toHaveLength(50);
  });

  it('reports a failed disk and says nothing more', async () => {
    const { storage } = await openStorage(1);
    await storage.append(null, [entry(1, 1)]);
    await rm(directory, { recursive: true });
    const failures: string[] = [];
    const queue = new PersistQueue(storage, systemLoop, {
      send: () => failures.push('sent'),
      persisted: () => failures.push('persisted'),
      failed: (error) => failures.push(error.name),
      full: () => failures.push('full'),
      roomAgain: () => failures.push('room again'),
    });
    queue.push(effect(2, [entry(2, 1)]));
    queue.push(effect(3, [entry(3, 1)]));
    await queue.stop();
    expect(failures).toEqual(['DiskFailure']);
  });
});

describe('what a newer release wrote', () => {
  it.each([
    ['a log segment', 'log-0000000000000001', { head: { version: 2, member: self, reset: false } }],
    ['a snapshot', 'snapshot-0000000000000009', { ...snapshot(9, 1), member: self, format: 2 }],
  ])('%s is refused with what to start, and nothing is to be moved away', async (_what, name, content) => {
    const { storage } = await openStorage();
    await storage.append({ term: 1, vote: 'a' }, [entry(1, 1)]);
    await storage.close();
    await writeFile(join(directory, name), encodeFrame(Buffer.from(JSON.stringify(content))));
    await expect(openStorage()).rejects.toThrow(/has format 2; .*start that one\. Nothing needs to be moved/);
  });
});
