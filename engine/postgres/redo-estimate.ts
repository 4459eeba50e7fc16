/**
 * How long local recovery would take after a crash: WAL since the last checkpoint's redo point ÷ the speed at which this node has been seen
 * to replay. Decides between restart in place and failover, so until something was measured it assumes a slow machine.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { type LsnText, lagBytes } from '../kernel/lsn';

/** Assumed until measured. */
const cautiousBytesPerSecond = 32 * 1024 * 1024;
/** A process start, shared memory, end-of-recovery checkpoint. */
const fixedMs = 250;
/** A replay of less than this says nothing about speed. */
const leastSampleBytes = 4 * 1024 * 1024;

export type RedoEstimate = { readonly walBytes: number; readonly bytesPerSecond: number; readonly ms: number };

export class RedoEstimator {
  #bytesPerSecond: number | null;
  #walBytes = 0;

  constructor(private readonly file: string) {
    this.#bytesPerSecond = load(file);
  }

  /** Distance between the last checkpoint's redo point and the end of WAL, as last seen while running. */
  sampleWal(currentLsn: LsnText | null, redoLsn: LsnText | null): void {
    const bytes = lagBytes(currentLsn, redoLsn);
    if (bytes !== null) this.#walBytes = bytes;
  }

  /** A measured replay: crash recovery of this server. Smoothed, and kept for the next start. */
  async sampleReplay(bytes: number, ms: number): Promise<void> {
    if (bytes < leastSampleBytes || ms <= 0) return;
    const speed = (bytes / ms) * 1000;
    this.#bytesPerSecond = this.#bytesPerSecond === null ? speed : 0.5 * this.#bytesPerSecond + 0.5 * speed;
    await writeFile(`${this.file}.tmp`, JSON.stringify({ bytesPerSecond: Math.round(this.#bytesPerSecond) }), {
      mode: 0o600,
    });
    await rename(`${this.file}.tmp`, this.file);
  }

  get measuredBytesPerSecond(): number | null {
    return this.#bytesPerSecond;
  }

  get walBytes(): number {
    return this.#walBytes;
  }

  estimate(): RedoEstimate {
    const bytesPerSecond = Math.max(1, Math.round(this.#bytesPerSecond ?? cautiousBytesPerSecond));
    return {
      walBytes: this.#walBytes,
      bytesPerSecond,
      ms: Math.ceil(fixedMs + (this.#walBytes / bytesPerSecond) * 1000),
    };
  }
}

function load(file: string): number | null {
  try {
    const speed = (JSON.parse(readFileSync(file, 'utf8')) as { bytesPerSecond?: unknown }).bytesPerSecond;
    return typeof speed === 'number' && speed > 0 ? speed : null;
  } catch {
    return null;
  }
}
