/**
 * How long local recovery would take after a crash: WAL since the last checkpoint's redo point ÷ the slowest of the last speeds at which this node has
 * been seen to replay. Decides between restart in place and failover: an estimate that is too short costs seconds of writes, one that is too long a
 * failover of a third of a second. So until something was measured it assumes a slow machine, and of several measurements the worst counts.
 */
import { replaceFile } from '../kernel/durable-file';
import { readRegularSync } from '../kernel/foreign-files';
import { type LsnText, lagBytes } from '../kernel/lsn';
import type { ControlData } from './api';

/** Assumed until measured. */
const cautiousBytesPerSecond = 32 * 1024 * 1024;
/** A process start, shared memory, end-of-recovery checkpoint. */
const fixedMs = 250;
/** A replay of less than this says nothing about speed. */
const leastSampleBytes = 4 * 1024 * 1024;
/** Shorter, and what was measured is the start of a process and a warm cache. */
const leastSampleMs = 250;
const keptSamples = 5;

/** What a start takes that has nothing to replay. */
const withoutRedoMs = 150;

export type RedoEstimate = { readonly walBytes: number; readonly bytesPerSecond: number; readonly ms: number };

export class RedoEstimator {
  /** Bytes a second, newest last. */
  #speeds: readonly number[];
  #walBytes = 0;

  constructor(private readonly file: string) {
    this.#speeds = load(file);
  }

  /** Distance between the last checkpoint's redo point and the end of WAL, as last seen while running. */
  sampleWal(currentLsn: LsnText | null, redoLsn: LsnText | null): void {
    const bytes = lagBytes(currentLsn, redoLsn);
    if (bytes !== null) this.#walBytes = bytes;
  }

  /** A measured replay: crash recovery of this server, or a backlog that it worked off. Kept for the next start. */
  async sampleReplay(bytes: number, ms: number): Promise<void> {
    if (bytes < leastSampleBytes || ms < leastSampleMs) return;
    this.#speeds = [...this.#speeds, Math.round((bytes / ms) * 1000)].slice(-keptSamples);
    await replaceFile(this.file, JSON.stringify({ speeds: this.#speeds }), null);
  }

  /** What a start after a crash replayed, from its redo point to where it serves. */
  async sampleStart(before: Pick<ControlData, 'state' | 'redoLsn'>, end: LsnText | null, ms: number): Promise<void> {
    if (before.state !== 'in production' || end === null) return;
    await this.sampleReplay(lagBytes(end, before.redoLsn) ?? 0, Math.max(1, ms - withoutRedoMs)).catch(() => undefined);
  }

  get measuredBytesPerSecond(): number | null {
    return this.#speeds.length === 0 ? null : Math.min(...this.#speeds);
  }

  get walBytes(): number {
    return this.#walBytes;
  }

  estimate(): RedoEstimate {
    const bytesPerSecond = Math.max(1, this.measuredBytesPerSecond ?? cautiousBytesPerSecond);
    return {
      walBytes: this.#walBytes,
      bytesPerSecond,
      ms: Math.ceil(fixedMs + (this.#walBytes / bytesPerSecond) * 1000),
    };
  }
}

function load(file: string): readonly number[] {
  try {
    const { speeds } = JSON.parse(readRegularSync(file).toString('utf8')) as { speeds?: unknown };
    if (!Array.isArray(speeds)) return [];
    return speeds.filter((one): one is number => typeof one === 'number' && one > 0).slice(-keptSamples);
  } catch {
    return [];
  }
}
