/**
 * The append-only audit log of this console. Invariant: `intent` resolves only after its line is on disk; lines that wait together share
 * one fsync. A write error ends the trust in the file: every later mutation is refused until a restart.
 */
import { type FileHandle, mkdir, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import { ClusterError } from '@/engine/kernel/errors';
import {
  type ChainLine,
  decodeLine,
  encodeLine,
  genesis,
  type IntentFields,
  type LineContent,
  type OutcomeFields,
} from './chain';
import { currentName, endOfFinished, finishSegment, openCurrent, writerId } from './segments';

const queueLimit = 10_000;
const defaultRotateBytes = 64 * 1024 * 1024;

/** Where the next line goes. */
type Place = { firstSequence: number; sequence: number; previous: string; bytes: number };

type Waiting = { readonly content: LineContent; resolve(line: ChainLine): void; reject(error: unknown): void };

export class AuditWriter {
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | null = null;
  #failed: Error | null = null;
  #durable: { readonly sequence: number; readonly hash: string } | null = null;

  private constructor(
    readonly directory: string,
    /** Names this log in the control store. */
    readonly id: string,
    private handle: FileHandle,
    private place: Place,
    private readonly onLine: (line: ChainLine) => void,
    private readonly rotateBytes: number,
  ) {}

  /** Continues the chain that is there. `onLine` sees each line, first those of the present file. */
  static async open(
    directory: string,
    onLine: (line: ChainLine) => void,
    rotateBytes = defaultRotateBytes,
  ): Promise<AuditWriter> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = path.join(directory, currentName);
    const end = await endOfFinished(directory);
    const existing = await readExisting(file, end === null ? 0 : end.sequence + 1, end?.hash ?? genesis);
    for (const line of existing.lines) onLine(line);
    if (existing.tornBytes > 0) await truncate(file, existing.wholeBytes);
    const handle = await openCurrent(directory);
    const firstSequence = end === null ? 0 : end.sequence + 1;
    const writer = new AuditWriter(
      directory,
      await writerId(directory),
      handle,
      {
        firstSequence,
        sequence: firstSequence + existing.lines.length,
        previous: existing.previous,
        bytes: existing.wholeBytes,
      },
      onLine,
      rotateBytes,
    );
    const last = existing.lines.at(-1);
    writer.#durable = last ? { sequence: last.sequence, hash: last.hash } : end;
    if (existing.tornBytes > 0) await writer.#append({ kind: 'cut', bytes: existing.tornBytes });
    return writer;
  }

  /** The last line that is on disk; null: none yet. */
  get head(): { readonly sequence: number; readonly hash: string } | null {
    return this.#durable;
  }

  /** @returns the sequence number by which the outcome refers to it */
  async intent(fields: IntentFields): Promise<number> {
    return (await this.#append({ kind: 'intent', ...fields })).sequence;
  }

  async outcome(of: number, fields: OutcomeFields): Promise<void> {
    await this.#append({ kind: 'outcome', of, ...fields });
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.handle.close();
  }

  #append(content: LineContent): Promise<ChainLine> {
    if (this.#failed) return Promise.reject(notWritable());
    if (this.#waiting.length >= queueLimit) return Promise.reject(notWritable());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ content, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async #flush(): Promise<void> {
    // Lines that arrive in the same turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#failed) {
      const batch = this.#waiting;
      this.#waiting = [];
      const encoded = batch.map(({ content }) => {
        const one = encodeLine(content, {
          sequence: this.place.sequence,
          at: new Date().toISOString(),
          previous: this.place.previous,
        });
        this.place.sequence++;
        this.place.previous = one.line.hash;
        return one;
      });
      try {
        const text = encoded.map((one) => one.text).join('');
        await this.handle.appendFile(text);
        await this.handle.datasync();
        const { sequence, hash } = encoded.at(-1)!.line;
        this.#durable = { sequence, hash };
        this.place.bytes += Buffer.byteLength(text);
        if (this.place.bytes >= this.rotateBytes) await this.#rotate();
      } catch (error) {
        // What is on disk now is not known, so nothing may be chained to it.
        this.#failed = error instanceof Error ? error : new Error(String(error));
        for (const waiting of [...batch, ...this.#waiting]) waiting.reject(notWritable());
        this.#waiting = [];
        break;
      }
      batch.forEach((waiting, index) => {
        const { line } = encoded[index]!;
        this.onLine(line);
        waiting.resolve(line);
      });
    }
    this.#flushing = null;
  }

  /** The chain goes on in a new file. */
  async #rotate(): Promise<void> {
    await this.handle.close();
    await finishSegment(this.directory, this.place.firstSequence);
    this.handle = await openCurrent(this.directory);
    this.place.firstSequence = this.place.sequence;
    this.place.bytes = 0;
  }
}

function notWritable(): ClusterError {
  return new ClusterError(
    'UNAVAILABLE',
    'The audit log cannot be written, so nothing may be changed; free space and restart',
    {
      reasons: [
        {
          rule: 'audit-log-writable',
          measured: 'no',
          limit: 'yes',
          remedy: 'Free disk space, then restart the console',
        },
      ],
    },
  );
}

type Existing = {
  readonly lines: readonly ChainLine[];
  readonly previous: string;
  readonly wholeBytes: number;
  readonly tornBytes: number;
};

/** Only a last line without its end may be cut; anything else that does not fit is tampering or damage, kept for `verify` to show. */
async function readExisting(file: string, first: number, before: string): Promise<Existing> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const end = text.lastIndexOf('\n') + 1;
  const torn = Buffer.byteLength(text.slice(end));
  const lines: ChainLine[] = [];
  let previous = before;
  for (const one of text.slice(0, end).split('\n').slice(0, -1)) {
    // The chain goes on from what the file says; whether it holds is for verify.
    const line = decodeLine(one, previous, first + lines.length) ?? salvage(one, first + lines.length);
    lines.push(line);
    previous = line.hash;
  }
  return { lines, previous, wholeBytes: Buffer.byteLength(text.slice(0, end)), tornBytes: torn };
}

function salvage(text: string, sequence: number): ChainLine {
  try {
    const line = JSON.parse(text) as ChainLine;
    if (typeof line.hash === 'string') return { ...line, sequence };
  } catch {
    // not even JSON: shown as what it is
  }
  return { kind: 'cut', bytes: text.length, sequence, at: new Date(0).toISOString(), previous: genesis, hash: genesis };
}
