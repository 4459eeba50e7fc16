/**
 * Keeps a server's log below its limit: any role may write into it with RAISE LOG, and a full disk stops PostgreSQL. Looked at with the reports, while the
 * server runs. Invariant: names in PostgreSQL's directory are never followed; the file itself is opened, looked at and emptied.
 */
import { constants } from 'node:fs';
import { lstat, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  afterLook,
  defaultLogBytes,
  type Flood,
  isTold,
  type LogFile,
  logSteps,
  noFlood,
} from '../cluster/core/log-limits';
import { inDirectory, openRegular, removeName } from '../kernel/foreign-files';
import type { PostgresConfiguration } from './api';
import { parseLogLine } from './log-tail';

const lookEveryMs = 500;
/** Where the output goes that its processes write past the log. */
const mostOutputBytes = 16 * 1024 * 1024;
const writersReadBytes = 128 * 1024;
const mostFiles = 10_000;

type Keeping = Pick<PostgresConfiguration, 'paths' | 'runAs' | 'logBytes'>;

export class LogKeeper {
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | null = null;
  #bytes = new Map<string, number>();
  #flood: Flood = noFlood;
  #writers: string | null = null;

  /** `rotate`: PostgreSQL opens its log files anew. */
  constructor(
    private readonly configuration: Keeping,
    private readonly rotate: () => Promise<void>,
  ) {}

  /** In the background, twice a second at most. */
  look(now: number): void {
    if (this.#looking !== null || now - this.#lookedAt < lookEveryMs) return;
    const seconds = (now - this.#lookedAt) / 1000;
    this.#lookedAt = now;
    this.#looking = this.#keep(now, seconds)
      .catch(() => undefined)
      .finally(() => {
        this.#looking = null;
      });
  }

  trouble(now: number): string | null {
    if (!isTold(this.#flood, now)) return null;
    const megabytes = Math.round(this.#limit / 1024 / 1024);
    const who = this.#writers === null ? '' : `, most of it by ${this.#writers}`;
    return `PostgreSQL’s log is being flooded${who}. It is kept to ${megabytes} MB, so older lines are lost: end that session, or stop what makes it write (RAISE, log_statement, errors in a loop)`;
  }

  get #limit(): number {
    return this.configuration.logBytes ?? defaultLogBytes;
  }

  async #keep(now: number, seconds: number): Promise<void> {
    const { paths, runAs } = this.configuration;
    await emptyIfLarge(join(paths.nodeDirectory, 'startup.log'), mostOutputBytes);
    const owner = runAs ?? { uid: process.getuid?.() ?? -1 };
    await inDirectory(paths.logDirectory, owner, async (at) => {
      const files = await filesIn(at);
      this.#flood = afterLook(this.#flood, now, this.#growth(files) / seconds);
      if (this.#flood.sinceMs === null) this.#writers = null;
      else this.#writers = (await writersOf(at, files)) ?? this.#writers;
      let cut = false;
      for (const step of logSteps(files, this.#limit)) {
        if (step.kind === 'remove') await removeName(join(at, step.name));
        else if (step.kind === 'empty') await emptyIfLarge(join(at, step.name), 0);
        else {
          await rename(join(at, step.name), join(at, step.to));
          cut = true;
        }
      }
      if (cut) await this.rotate();
    });
  }

  /** Bytes that came since the last look. */
  #growth(files: readonly LogFile[]): number {
    const before = this.#bytes;
    this.#bytes = new Map(files.map(({ name, bytes }) => [name, bytes]));
    if (before.size === 0) return 0;
    return files.reduce((sum, { name, bytes }) => {
      // One that was cut has another name, and its successor began at nothing.
      if (name.includes('.cut.')) return sum;
      return sum + Math.max(0, bytes - (before.get(name) ?? 0));
    }, 0);
  }
}

async function filesIn(directory: string): Promise<readonly LogFile[]> {
  const names = (await readdir(directory)).slice(0, mostFiles);
  const found = await Promise.all(
    names.map(async (name) => {
      const file = await lstat(join(directory, name)).catch(() => null);
      return file?.isFile() ? { name, bytes: file.blocks * 512, changedMs: file.mtimeMs } : null;
    }),
  );
  return found.filter((file) => file !== null);
}

/** Emptied in place: whoever has it open goes on at its end. A hard link to somebody else's file has two names, and is left alone. */
async function emptyIfLarge(path: string, mostBytes: number): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (!file) return;
  try {
    const found = await file.stat();
    if (found.isFile() && found.nlink === 1 && found.blocks * 512 > mostBytes) await file.truncate(0);
  } finally {
    await file.close();
  }
}

/** By bytes of the newest lines: `role app in database app`. No message: whoever may see this may not read logs. */
async function writersOf(directory: string, files: readonly LogFile[]): Promise<string | null> {
  const newest = files
    .filter(({ name }) => name.endsWith('.json'))
    .reduce<LogFile | null>((best, one) => (best === null || one.changedMs > best.changedMs ? one : best), null);
  if (!newest) return null;
  const file = await openRegular(join(directory, newest.name)).catch(() => null);
  if (!file) return null;
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, writersReadBytes));
    await file.read(bytes, 0, bytes.length, size - bytes.length);
    const byWriter = new Map<string, number>();
    for (const text of bytes.toString('utf8').split('\n')) {
      const line = parseLogLine(text);
      if (line === null) continue;
      const who =
        line.user === null
          ? 'PostgreSQL itself'
          : `role ${line.user}${line.database ? ` in database ${line.database}` : ''}`;
      byWriter.set(who, (byWriter.get(who) ?? 0) + text.length);
    }
    return [...byWriter].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
  } finally {
    await file.close();
  }
}
