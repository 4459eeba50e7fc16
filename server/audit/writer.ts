/**
 * The append-only audit log of this console. Invariant: `intent` resolves only after its line is on disk; lines that wait together share
 * one fsync. A write error ends the trust in the file: every later mutation is refused until a restart.
 */
import { type FileHandle, mkdir, open, readFile, truncate } from 'node:fs/promises';
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

const queueLimit = 10_000;

type Waiting = { readonly content: LineContent; resolve(line: ChainLine): void; reject(error: unknown): void };

export class AuditWriter {
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | null = null;
  #failed: Error | null = null;

  private constructor(
    readonly file: string,
    private readonly handle: FileHandle,
    private sequence: number,
    private previous: string,
    private readonly onLine: (line: ChainLine) => void,
  ) {}

  /** Continues the chain that is there. `onLine` sees each line, first those of the file. */
  static async open(directory: string, onLine: (line: ChainLine) => void): Promise<AuditWriter> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = path.join(directory, 'audit.jsonl');
    const existing = await readExisting(file);
    for (const line of existing.lines) onLine(line);
    if (existing.tornBytes > 0) await truncate(file, existing.wholeBytes);
    const handle = await open(file, 'a', 0o600);
    const writer = new AuditWriter(file, handle, existing.lines.length, existing.previous, onLine);
    if (existing.tornBytes > 0) await writer.#append({ kind: 'cut', bytes: existing.tornBytes });
    return writer;
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
          sequence: this.sequence,
          at: new Date().toISOString(),
          previous: this.previous,
        });
        this.sequence++;
        this.previous = one.line.hash;
        return one;
      });
      try {
        await this.handle.appendFile(encoded.map((one) => one.text).join(''));
        await this.handle.datasync();
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
async function readExisting(file: string): Promise<Existing> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const end = text.lastIndexOf('\n') + 1;
  const torn = Buffer.byteLength(text.slice(end));
  const lines: ChainLine[] = [];
  let previous = genesis;
  for (const one of text.slice(0, end).split('\n').slice(0, -1)) {
    // The chain goes on from what the file says; whether it holds is for verify.
    const line = decodeLine(one, previous, lines.length) ?? salvage(one, lines.length);
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
