import { appendFileSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type LogFilter, tailLog } from './log-tail';

const directory = mkdtempSync(join(tmpdir(), 'rustydb-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

const line = (n: number, message: string, level = 'LOG') =>
  `${JSON.stringify({ timestamp: `2026-01-01 00:00:00.${String(n % 1000).padStart(3, '0')} UTC`, pid: 1, error_severity: level, message })}\n`;
const all = { limit: 100, level: null, contains: null };
const messagesOf = async (where: string, filter: LogFilter) =>
  (await tailLog(where, filter)).lines.map((entry) => entry.message);

/** Page by page to the oldest line; the pages in reading order. */
async function walked(where: string, filter: LogFilter, mostBytes?: number): Promise<string[][]> {
  const pages: string[][] = [];
  let from: string | null = null;
  do {
    const page = await tailLog(where, { ...filter, from }, mostBytes);
    pages.unshift(page.lines.map((entry) => entry.message));
    from = page.next;
    expect(pages.length).toBeLessThan(200);
  } while (from !== null);
  return pages;
}

describe('log tail', () => {
  it('gives the newest lines of the newest files, newest last, across chunks', async () => {
    const long = 'x'.repeat(400_000);
    writeFileSync(join(directory, 'a.json'), line(1, 'oldest') + line(2, 'older'));
    writeFileSync(join(directory, 'b.json'), line(3, `first ${long}`) + line(4, 'second', 'ERROR') + line(5, 'third'));
    writeFileSync(join(directory, 'plain.log'), 'not this\n');
    utimesSync(join(directory, 'a.json'), 1, 1);
    const messages = (await messagesOf(directory, all)).map((message) => message.slice(0, 6));
    expect(messages).toEqual(['oldest', 'older', 'first ', 'second', 'third']);
    expect(await messagesOf(directory, { ...all, limit: 2 })).toEqual(['second', 'third']);
    expect(await messagesOf(directory, { ...all, level: 'error' })).toEqual(['second']);
    expect(await messagesOf(directory, { ...all, contains: 'THIRD' })).toHaveLength(1);
  });

  it('shows what a process repeats once; no directory is no lines', async () => {
    const repeats = join(directory, 'c.json');
    writeFileSync(repeats, line(1, 'same') + line(2, 'same') + line(3, 'other') + line(4, 'same'));
    expect(await messagesOf(directory, { ...all, limit: 3 })).toEqual(['same', 'other', 'same']);
    expect(await tailLog(join(directory, 'none'), all)).toEqual({ lines: [], next: null });
  });
});

describe('pages of the log', () => {
  const where = mkdtempSync(join(tmpdir(), 'rustydb-log-'));
  afterAll(() => rmSync(where, { recursive: true }));
  const expected = Array.from({ length: 60 }, (_, n) => `line ${n}`);
  const write = (file: string, from: number, to: number) =>
    writeFileSync(
      join(where, file),
      expected
        .slice(from, to)
        .map((text, n) => line(n, text, n % 5 ? 'LOG' : 'ERROR'))
        .join(''),
    );
  write('mon.json', 0, 25);
  write('tue.json', 25, 60);
  utimesSync(join(where, 'mon.json'), 1, 1);

  it.each([1, 2, 7, 59, 60])('of %i lines are the whole log, each line once', async (limit) => {
    const pages = await walked(where, { ...all, limit });
    expect(pages.flat()).toEqual(expected);
    expect(pages.slice(1).every((page) => page.length === limit)).toBe(true);
  });

  it('are the same with a filter, and when a request may read next to nothing', async () => {
    const errors = (await messagesOf(where, { ...all, level: 'ERROR' })).length;
    expect((await walked(where, { ...all, limit: 2, level: 'ERROR' })).flat()).toHaveLength(errors);
    const pages = await walked(where, { ...all, contains: 'line 1' }, 300);
    expect(pages.flat()).toEqual(expected.filter((text) => text.includes('line 1')));
  });

  it('do not move while lines are added, and do not repeat a process that repeats itself', async () => {
    const grown = mkdtempSync(join(tmpdir(), 'rustydb-log-'));
    const file = join(grown, 'wed.json');
    writeFileSync(file, ['a', 'b', 'b', 'b', 'c', 'd'].map((text, n) => line(n, text)).join(''));
    const first = await tailLog(grown, { ...all, limit: 2 });
    appendFileSync(file, line(7, 'e'));
    const second = await tailLog(grown, { ...all, limit: 1, from: first.next });
    const third = await tailLog(grown, { ...all, limit: 1, from: second.next });
    expect([first, second, third].map((page) => page.lines.map((entry) => entry.message))).toEqual([
      ['c', 'd'],
      ['b'],
      ['a'],
    ]);
    expect(third.next).toBeNull();
    rmSync(grown, { recursive: true });
  });

  it('end where the log was begun anew or is gone, and give up a line without end', async () => {
    const turned = mkdtempSync(join(tmpdir(), 'rustydb-log-'));
    const file = join(turned, 'thu.json');
    const old = ['a', 'b', 'c'].map((text, n) => line(n, text)).join('');
    writeFileSync(file, old);
    const { next } = await tailLog(turned, { ...all, limit: 1 });
    const nothing = { lines: [], next: null };
    writeFileSync(file, line(1, 'new'));
    expect(await tailLog(turned, { ...all, from: next })).toEqual(nothing);
    writeFileSync(file, line(1, 'new').repeat(10).replaceAll('2026-01-01', '2026-01-08'));
    expect(await tailLog(turned, { ...all, from: next })).toEqual(nothing);
    rmSync(file);
    expect(await tailLog(turned, { ...all, from: next })).toEqual(nothing);
    writeFileSync(file, old + 'x'.repeat(600_000));
    expect((await walked(turned, all, 1000)).flat()).toEqual(['a', 'b', 'c']);
    rmSync(turned, { recursive: true });
  });

  it('refuse a place that never was one', async () => {
    for (const from of ['x', '../../etc/passwd', '12']) {
      await expect(tailLog(where, { ...all, from })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    }
    expect(await tailLog(where, { ...all, from: '9||../../etc/passwd' })).toEqual({ lines: [], next: null });
  });
});
