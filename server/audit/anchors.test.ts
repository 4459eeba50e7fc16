/** The audit log against the control store: a cut tail, a replaced file, several files, and several consoles. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startConsole } from '../testing/console-fixture';
import { RecordedEngine } from '../testing/recorded-engine';
import { AnchoredTrail, AuditAnchors } from './anchors';
import { AuditLog } from './log';

const logger = pino({ level: 'silent' });
let directory: string;
let engine: RecordedEngine;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'rustydb-anchors-'));
  engine = new RecordedEngine();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function open(rotateBytes?: number) {
  const log = await AuditLog.open(directory, rotateBytes);
  const anchors = new AuditAnchors(engine, log, logger);
  return { log, anchors, trail: new AnchoredTrail(log, anchors) };
}

async function write(log: AuditLog, count: number, actor = 'user:admin'): Promise<void> {
  for (let index = 0; index < count; index++) {
    await log.writer.intent({
      actor,
      role: 'admin',
      clientAddress: '127.0.0.1',
      surface: 'rest',
      requestId: 'r',
      procedure: `p${index}`,
      input: {},
    });
  }
}

const file = () => path.join(directory, 'audit.jsonl');
const linesOf = () => readFileSync(file(), 'utf8').split('\n').slice(0, -1);

describe('verify', () => {
  it('says how much the control store vouches for', async () => {
    const { log, anchors, trail } = await open();
    expect(await trail.verify()).toMatchObject({ ok: true, lines: 0, anchoredLines: null });
    await write(log, 3);
    await anchors.anchor();
    await write(log, 2);
    expect(await trail.verify()).toMatchObject({ ok: true, lines: 5, anchoredLines: 3, otherWriters: [] });
    await log.writer.close();
  });

  it('finds a cut tail, also after the log went on and was anchored again', async () => {
    const first = await open();
    await write(first.log, 5);
    await first.anchors.anchor();
    await first.log.writer.close();
    writeFileSync(file(), `${linesOf().slice(0, 3).join('\n')}\n`);
    const second = await open();
    const found = await second.trail.verify();
    expect(found).toMatchObject({ ok: false, lines: 3, firstBadLine: 4 });
    expect(found.message).toMatch(/ends at line 3, but line 5 was anchored at .*: its end is missing/);
    await write(second.log, 10);
    await second.anchors.anchor();
    expect(await second.trail.verify()).toMatchObject({ ok: false, firstBadLine: 5, anchoredLines: 13 });
    await second.log.writer.close();
    const third = await open();
    expect((await third.trail.verify()).ok).toBe(false);
    await third.log.writer.close();
  });

  it('finds a file that was replaced by another whole chain', async () => {
    const first = await open();
    await write(first.log, 4);
    await first.anchors.anchor();
    await first.log.writer.close();
    rmSync(file());
    const forged = await open();
    await write(forged.log, 4, 'user:nobody');
    expect(await forged.trail.verify()).toMatchObject({ ok: false, firstBadLine: 4 });
    expect((await forged.trail.verify()).message).toContain('the log was replaced');
    await forged.log.writer.close();
  });

  it('goes on without the control store, and says so', async () => {
    const { log, anchors, trail } = await open();
    await write(log, 2);
    engine.view = { ...engine.view, raft: { ...engine.view.raft, hasQuorum: false } };
    await anchors.anchor();
    engine.anyNode = () => Promise.reject(new Error('away'));
    expect(await trail.verify()).toMatchObject({ ok: true, lines: 2, anchoredLines: null });
    expect((await trail.verify()).message).toContain('could not be asked');
    await log.writer.close();
  });
});

describe('several files', () => {
  it('are one chain, over restarts, for reading and for verify', async () => {
    const first = await open(1000);
    await write(first.log, 12);
    await first.anchors.anchor();
    await first.log.writer.close();
    const parts = readdirSync(directory).filter((name) => /^audit\.\d+\.jsonl$/.test(name));
    expect(parts.length).toBeGreaterThan(2);
    const second = await open(1000);
    await write(second.log, 5);
    expect(await second.trail.verify()).toMatchObject({ ok: true, lines: 17, anchoredLines: 12 });
    const everything = { limit: 100, before: null, actor: null, procedure: null, outcome: null, from: null, to: null };
    const { entries } = await second.trail.list(everything);
    expect(entries.map((one) => one.sequence)).toEqual(Array.from({ length: 17 }, (_unused, index) => 16 - index));
    await second.log.writer.close();
    rmSync(path.join(directory, parts.sort()[1]!));
    const third = await open(1000);
    expect((await third.trail.verify()).ok).toBe(false);
    await third.log.writer.close();
  });
});

it('anchors by itself at the stop, and knows the logs of other consoles', async () => {
  const console = await startConsole({ engine });
  await console.json('/api/v1/cluster/failover', { method: 'POST', role: 'admin', body: { group: 'alpha' } });
  cpSync(path.join(console.dataDirectory, 'audit'), directory, { recursive: true });
  await console.stop();
  const other = await startConsole({ engine });
  try {
    const { body } = await other.json('/api/v1/audit/verify', { role: 'admin' });
    expect(body).toMatchObject({ ok: true, other_writers: [{ anchored_lines: 2 }] });
    const copy = await open();
    expect(await copy.trail.verify()).toMatchObject({ ok: true, anchoredLines: 2 });
    await copy.log.writer.close();
  } finally {
    await other.stop();
  }
});
