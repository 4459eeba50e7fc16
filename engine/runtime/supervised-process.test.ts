import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { StartError } from './data-directory';
import { SupervisedProcess, type SupervisedProcessOptions } from './supervised-process';

let place: string;
let child: SupervisedProcess | null = null;
const lives = () => {
  try {
    return readFileSync(join(place, 'lives'), 'utf8').length;
  } catch {
    return 0;
  }
};
const mark = () => join(place, 'run', 'one.pid');
const until = (what: string, holds: () => boolean) =>
  pollUntil(async () => holds() || undefined, { timeoutMs: 20_000, intervalMs: 10, what });

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'rustydb-supervised-'));
  for (const name of ['run', 'logs']) mkdirSync(join(place, name));
  writeFileSync(
    join(place, 'one.mjs'),
    `import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(join(place, 'lives'))}, 'x'); setInterval(() => {}, 1000);`,
  );
});
afterEach(async () => {
  await child?.stop(5_000).catch(() => undefined);
  child = null;
  rmSync(place, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

function supervise(more: Partial<SupervisedProcessOptions>): SupervisedProcess {
  child = new SupervisedProcess({
    name: 'one',
    script: join(place, 'one.mjs'),
    configFile: 'none',
    dataDirectory: place,
    logger: pino({ level: 'silent' }),
    nodeArguments: [],
    onFatal: () => undefined,
    ...more,
  });
  child.start();
  return child;
}

describe('a program that is started again', () => {
  it('is prepared first; what the disk does then is tried again', async () => {
    let asked = 0;
    const one = supervise({
      prepare: async () => {
        if (++asked < 3) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      },
    });
    await until('it lives', () => lives() === 1);
    process.kill(one.pid!, 'SIGKILL');
    await until('it lives again', () => lives() === 2);
    expect(asked).toBe(3);
  });

  it('is not, and is told, where somebody must look', async () => {
    const told: string[] = [];
    const one = supervise({
      prepare: () => Promise.reject(new StartError('look at it')),
      onTrouble: (_, sentence) => told.push(sentence),
    });
    await until('it lives', () => lives() === 1);
    process.kill(one.pid!, 'SIGKILL');
    await until('it is told', () => told.length === 1);
    expect([told, lives()]).toEqual([['look at it'], 1]);
  });

  it('is one process also while its mark can’t be written, and is found by the next launcher once it can', async () => {
    mkdirSync(mark());
    const one = supervise({});
    await until('it lives', () => lives() === 1);
    const first = one.pid!;
    process.kill(first, 'SIGKILL');
    await until('it lives again', () => lives() === 2);
    expect(one.pid).not.toBe(first);
    rmdirSync(mark());
    await until('its mark is written', () => statSync(mark(), { throwIfNoEntry: false })?.isFile() ?? false);
    await until('whole', () => readFileSync(mark(), 'utf8').endsWith('}'));
    expect(JSON.parse(readFileSync(mark(), 'utf8'))).toMatchObject({ pid: one.pid });
    expect(lives()).toBe(2);
  });
});
