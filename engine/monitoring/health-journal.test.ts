/** Changes of health outlive the process that noted them, within their bounds. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventId } from './event-log';
import { HealthJournal, type HealthJournalOptions } from './health-journal';
import type { HealthTransition } from './model';

const startMs = Date.parse('2026-01-01T00:00:00.000Z');
let directory: string;
let nowMs = startMs;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-health-'));
  nowMs = startMs;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const journal = (options?: HealthJournalOptions) =>
  new HealthJournal(directory, pino({ level: 'silent' }), () => nowMs, options);
const transition = (n: number): HealthTransition => ({
  id: eventId(1, n),
  at: new Date(startMs + n * 1_000).toISOString(),
  node: 'node-1',
  group: 'alpha',
  from: 'healthy',
  to: 'degraded',
  reason: `${n}`,
});
const some = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => transition(from + index));
const listed = async (of: HealthJournal, limit = 100, before: string | null = null) =>
  (await of.list({ limit, before })).map((one) => Number(one.reason));
const files = () => readdirSync(directory).sort();

describe('HealthJournal', () => {
  it('gives the newest first, to the next process too', async () => {
    await journal().append(some(1, 5));
    const next = journal();
    expect(await listed(next)).toEqual([5, 4, 3, 2, 1]);
    expect(await listed(next, 2)).toEqual([5, 4]);
    expect(await listed(next, 2, transition(3).at)).toEqual([3, 2]);
  });

  it('keeps once what is heard from several, and puts what was missed in its place', async () => {
    const of = journal();
    await of.append([transition(1), transition(4)]);
    await Promise.all([of.append(some(1, 4)), of.append(some(2, 3))]);
    expect(await listed(of)).toEqual([4, 3, 2, 1]);
    expect(await listed(journal())).toEqual([4, 3, 2, 1]);
    expect(readFileSync(join(directory, files()[0]!), 'utf8').trim().split('\n')).toHaveLength(4);
  });

  it('leaves out the line that a crash cut short, and not the one after it', async () => {
    await journal().append(some(1, 2));
    const file = join(directory, files()[0]!);
    appendFileSync(file, '{"id":"0000000001-000000000003","at":"20');
    await journal().append([transition(4)]);
    expect(await listed(journal())).toEqual([4, 2, 1]);
  });

  it('stays within its bytes, the oldest given up first, and lists past what is in memory', async () => {
    const options = { segmentBytes: 2_000, segments: 3, inMemory: 10 };
    const of = journal(options);
    for (let n = 1; n <= 200; n++) await of.append([transition(n)]);
    expect(files()).toHaveLength(3);
    const bytes = files().reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(6_000);
    expect(of.bytes).toBe(bytes);
    const all = await listed(of, 100);
    expect(all.length).toBeGreaterThan(20);
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => 200 - index));
    expect(await listed(journal(options), 100)).toEqual(all);
  });

  it('gives up what is older than a day', async () => {
    const of = journal();
    await of.append(some(1, 3));
    nowMs = startMs + 24 * 3_600_000 + 2_000;
    expect(await listed(of)).toEqual([3]);
  });

  it('without a disk it still knows what it heard', async () => {
    const file = join(directory, 'a-file');
    appendFileSync(file, '');
    const of = new HealthJournal(join(file, 'health'), pino({ level: 'silent' }), () => nowMs);
    await of.append(some(1, 2));
    expect(await listed(of)).toEqual([2, 1]);
  });
});
