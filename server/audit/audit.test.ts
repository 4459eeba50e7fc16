/** The audit log: durable intent, chain, cut tail, tampering, filters, and that calls really reach it without their secrets. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startConsole } from '../testing/console-fixture';
import type { AuditFilter } from './api';
import { AuditLog } from './log';
import { finishedSegments } from './segments';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'rustydb-audit-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const everything: AuditFilter = {
  limit: 100,
  before: null,
  actor: null,
  procedure: null,
  outcome: null,
  from: null,
  to: null,
};

const intent = (procedure: string, actor = 'user:admin') => ({
  actor,
  role: 'admin',
  clientAddress: '127.0.0.1',
  surface: 'rest',
  requestId: 'r',
  procedure,
  input: { hash: 'a value with ,"hash":" in it' },
});
const done = { outcome: 'succeeded', code: null, message: null, operationId: 'op', durationMs: 1 } as const;

async function write(log: AuditLog, count: number): Promise<void> {
  const sequences = await Promise.all(
    Array.from({ length: count }, (_unused, index) => log.writer.intent(intent(`p${index}`))),
  );
  await Promise.all(sequences.map((sequence) => log.writer.outcome(sequence, done)));
}

const fileOf = () => path.join(directory, 'audit.jsonl');

describe('the chain', () => {
  it('holds over restarts, and the intent is on disk when it is acknowledged', async () => {
    const first = await AuditLog.open(directory);
    await first.writer.intent(intent('cluster.failover'));
    expect(readFileSync(fileOf(), 'utf8')).toContain('cluster.failover');
    await write(first, 20);
    await first.writer.close();
    const second = await AuditLog.open(directory);
    await write(second, 5);
    expect(await second.verify()).toMatchObject({ ok: true, lines: 51, firstBadLine: null });
    const { entries } = await second.list(everything);
    expect(entries).toHaveLength(26);
    expect(entries.at(-1)).toMatchObject({ procedure: 'cluster.failover', outcome: 'unknown' });
    await second.writer.close();
  });

  it('cuts a torn last line and says so', async () => {
    const first = await AuditLog.open(directory);
    await write(first, 2);
    await first.writer.close();
    appendFileSync(fileOf(), '{"sequence":4,"at":"20');
    const second = await AuditLog.open(directory);
    await write(second, 1);
    expect(await second.verify()).toMatchObject({ ok: true, lines: 7 });
    expect(readFileSync(fileOf(), 'utf8')).toContain('"kind":"cut","bytes":22');
    await second.writer.close();
  });

  it.each([
    [
      'a changed line',
      (lines: string[]) => lines.map((line, index) => (index === 1 ? line.replace('user:admin', 'user:nobod') : line)),
    ],
    ['a missing line', (lines: string[]) => lines.filter((_line, index) => index !== 1)],
    ['swapped lines', (lines: string[]) => [lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)]],
  ])('shows %s', async (_what, tamper) => {
    const first = await AuditLog.open(directory);
    await write(first, 3);
    await first.writer.close();
    const lines = readFileSync(fileOf(), 'utf8').split('\n').slice(0, -1);
    writeFileSync(fileOf(), `${tamper(lines).join('\n')}\n`);
    const second = await AuditLog.open(directory);
    expect(await second.verify()).toMatchObject({ ok: false, firstBadLine: 2 });
    await second.writer.close();
  });
});

it('filters and pages, newest first', async () => {
  const log = await AuditLog.open(directory);
  await write(log, 10);
  await log.writer.intent(intent('x', 'api-key:robot'));
  expect((await log.list({ ...everything, actor: 'api-key:robot' })).entries).toHaveLength(1);
  expect((await log.list({ ...everything, procedure: 'p3' })).entries).toMatchObject([{ outcome: 'succeeded' }]);
  const first = await log.list({ ...everything, limit: 4 });
  const second = await log.list({ ...everything, limit: 100, before: first.next });
  expect([...first.entries, ...second.entries].map((entry) => entry.procedure)).toEqual([
    'x',
    ...Array.from({ length: 10 }, (_unused, index) => `p${9 - index}`),
  ]);
  expect(second.next).toBeNull();
  await log.writer.close();
});

describe('read from its end', () => {
  const { limit: _limit, ...unbounded } = everything;
  const all = async (log: AuditLog, filter = unbounded) => {
    const found = [];
    for await (const entry of log.entries(filter)) found.push(entry);
    return found;
  };

  it('gives every record once, newest first, over parts and blocks, with the outcome of another part', async () => {
    const log = await AuditLog.open(directory, 200_000);
    const early = await log.writer.intent(intent('early'));
    // Longer than a block in all, lines longer than usual, characters of several bytes over the seams.
    const wide = 'größer als ein Zeichen ✓ '.repeat(60);
    for (let round = 0; round < 12; round++) {
      await Promise.all(
        Array.from({ length: 40 }, (_unused, index) =>
          log.writer.intent({
            ...intent(`p${round}-${index}`),
            input: { wide: index === 7 && round === 3 ? wide.repeat(300) : wide.slice(0, 40 * index) },
          }),
        ),
      );
    }
    await log.writer.outcome(early, done);
    expect((await finishedSegments(directory)).length).toBeGreaterThan(1);
    const found = await all(log);
    expect(found.map((one) => one.procedure)).toEqual(
      [
        'early',
        ...Array.from({ length: 12 }, (_unused, round) =>
          Array.from({ length: 40 }, (_same, index) => `p${round}-${index}`),
        ).flat(),
      ].toReversed(),
    );
    expect(found.at(-1)!.outcome).toBe('succeeded');
    expect(found[0]!.input).toEqual({ wide: wide.slice(0, 40 * 39) });
    expect((await all(log, { ...unbounded, before: early + 1 })).map((one) => one.procedure)).toEqual(['early']);
    expect((await all(log, { ...unbounded, outcome: 'succeeded' })).map((one) => one.procedure)).toEqual(['early']);
    for (const one of found) expect(await log.hashAt(one.sequence)).toBe(one.hash);
    expect(await log.hashAt(early + 10_000)).toBeNull();
    for (const before of [1, 2, 40, 41, 250, 480, 481]) {
      const below = await all(log, { ...unbounded, before });
      expect(below, `below ${before}`).toEqual(found.filter((one) => one.sequence < before));
    }
    await log.writer.close();
  });

  it('is what it was at the call, while the log grows and its file is finished', async () => {
    const log = await AuditLog.open(directory, 100_000);
    await write(log, 50);
    const pass = log.entries(unbounded)[Symbol.asyncIterator]();
    const check = log.verify();
    await pass.next();
    await write(log, 1000);
    expect((await finishedSegments(directory)).length).toBeGreaterThan(1);
    let count = 1;
    while (!(await pass.next()).done) count++;
    expect(count).toBe(50);
    expect(await check).toMatchObject({ ok: true });
    expect(await log.verify()).toMatchObject({ ok: true, lines: 2100 });
    await log.writer.close();
  });

  it('gives the rest of a log with a damaged line, and leaves out a line that is just being written', async () => {
    const log = await AuditLog.open(directory);
    await write(log, 4);
    const lines = readFileSync(fileOf(), 'utf8').split('\n').slice(0, -1);
    writeFileSync(fileOf(), `${lines.map((line, index) => (index === 1 ? line.slice(9) : line)).join('\n')}\n{"seque`);
    expect((await all(log)).map((one) => one.procedure)).toEqual(['p3', 'p2', 'p0']);
    expect(await log.verify()).toMatchObject({ ok: false, firstBadLine: 2 });
    await log.writer.close();
  });
});

it('refuses changes once it cannot write', async () => {
  const log = await AuditLog.open(directory);
  await log.writer.close();
  await expect(log.writer.intent(intent('p'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

describe('calls', () => {
  it('are recorded, allowed or refused, without secrets', async () => {
    const console = await startConsole();
    try {
      const body = { username: 'maria', password: 'a very secret password', role: 'viewer' };
      await console.json('/api/v1/users', { method: 'POST', role: 'viewer', body });
      await console.json('/api/v1/users', { method: 'POST', role: 'admin', body });
      await console.json('/api/v1/gds/services/alpha-rw/credentials', { role: 'admin' });
      await console.graphql(
        'mutation { startClusterNode(id: "node-3", reason: "disk replaced") { id } }',
        {},
        'operator',
      );
      await console.json('/api/v1/cluster/nodes/node-99/stop', { method: 'POST', role: 'operator', body: {} });
      const { body: records } = await console.json('/api/v1/audit', { role: 'admin' });
      expect(
        records.map((one: Record<string, unknown>) => [one.procedure, one.actor, one.surface, one.outcome, one.code]),
      ).toEqual([
        ['cluster.stopNode', 'api-key:operator', 'rest', 'refused', 'NOT_FOUND'],
        ['cluster.startNode', 'api-key:operator', 'graphql', 'succeeded', null],
        ['gds.getCredentials', 'api-key:admin', 'rest', 'succeeded', null],
        ['users.create', 'api-key:admin', 'rest', 'succeeded', null],
        ['users.create', 'api-key:viewer', 'rest', 'refused', 'FORBIDDEN'],
      ]);
      expect(records[1].operation_id).toBe(console.engine.view.operations[0]!.id);
      expect(records[1].input).toMatchObject({ id: 'node-3', reason: 'disk replaced' });
      const text = readFileSync(path.join(console.dataDirectory, 'audit', 'audit.jsonl'), 'utf8');
      expect(text).not.toContain('a very secret password');
      expect(text).not.toContain('app-password');
      expect((await console.json('/api/v1/audit/verify', { role: 'admin' })).body.ok).toBe(true);
    } finally {
      await console.stop();
    }
  });

  it('change nothing when the intent cannot be recorded', async () => {
    const console = await startConsole();
    try {
      await console.services.gate.auditWriter.close();
      const { status } = await console.json('/api/v1/cluster/failover', { method: 'POST', role: 'operator', body: {} });
      expect(status).toBe(503);
      expect(console.engine.requests.filter((one) => one.method.startsWith('operation'))).toEqual([]);
    } finally {
      await console.http.close();
    }
  });
});
