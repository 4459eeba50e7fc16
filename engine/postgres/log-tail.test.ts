import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tailLog } from './log-tail';

const directory = mkdtempSync(join(tmpdir(), 'rustydb-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

const line = (n: number, message: string, level = 'LOG') =>
  `${JSON.stringify({ timestamp: `2026-01-01 00:00:00.${String(n % 1000).padStart(3, '0')} UTC`, pid: 1, error_severity: level, message })}\n`;
const all = { limit: 100, level: null, contains: null };

describe('log tail', () => {
  it('gives the newest lines of the newest files, newest last, across chunks', async () => {
    const long = 'x'.repeat(400_000);
    writeFileSync(join(directory, 'a.json'), line(1, 'oldest') + line(2, 'older'));
    writeFileSync(join(directory, 'b.json'), line(3, `first ${long}`) + line(4, 'second', 'ERROR') + line(5, 'third'));
    writeFileSync(join(directory, 'plain.log'), 'not this\n');
    utimesSync(join(directory, 'a.json'), 1, 1);
    const messages = (await tailLog(directory, all)).map((entry) => entry.message.slice(0, 6));
    expect(messages).toEqual(['oldest', 'older', 'first ', 'second', 'third']);
    expect((await tailLog(directory, { ...all, limit: 2 })).map((entry) => entry.message)).toEqual(['second', 'third']);
    expect((await tailLog(directory, { ...all, level: 'error' })).map((entry) => entry.message)).toEqual(['second']);
    expect((await tailLog(directory, { ...all, contains: 'THIRD' })).length).toBe(1);
  });

  it('shows what a process repeats once; no directory is no lines', async () => {
    const repeats = join(directory, 'c.json');
    writeFileSync(repeats, line(1, 'same') + line(2, 'same') + line(3, 'other') + line(4, 'same'));
    expect((await tailLog(directory, { ...all, limit: 3 })).map((entry) => entry.message)).toEqual([
      'same',
      'other',
      'same',
    ]);
    expect(await tailLog(join(directory, 'none'), all)).toEqual([]);
  });
});
