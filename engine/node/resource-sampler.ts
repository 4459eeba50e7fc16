/**
 * What the node uses of its host: CPU and memory of the agent, its guardian and its PostgreSQL, and the disk under its data. Sampled every few
 * seconds from /proc; kept as a ring of one hour. For display, ranking and alerts, never for a decision about who serves.
 */
import { readFileSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { ResourceSample } from '../monitoring/model';
import { msUntilFull } from './core/disk-trend';
import { coarseMs, fineMs, loopBlock } from './core/loop-block';

const clockTicksPerSecond = 100;
const pageBytes = 4096;
const ringSeconds = 3600;
/** Proportional memory walks page tables in the kernel: rarely. */
const memoryEveryMs = 30_000;
const trendEveryMs = 30_000;

export type ResourceUse = {
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly memoryBytes: number;
  readonly diskUsedBytes: number;
  readonly diskTotalBytes: number;
  /** If it goes on as in the last hour; null: not known, or not in sight. */
  readonly diskFullInMs: number | null;
};

/** What the parts of an agent need of it. */
export type Resources = Pick<ResourceSampler, 'use' | 'takeLoopBlockMs' | 'sample' | 'record' | 'recent'>;

export class ResourceSampler {
  readonly #coarse = monitorEventLoopDelay({ resolution: coarseMs });
  readonly #fine = monitorEventLoopDelay({ resolution: fineMs });
  #watchesClosely = false;
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  /** Asked once: the list is made from files of /proc and /sys. */
  readonly #cpus = cpus().length;
  readonly #memoryTotal = totalmem();
  #use: ResourceUse = {
    cpuPercent: 0,
    memoryPercent: 0,
    memoryBytes: 0,
    diskUsedBytes: 0,
    diskTotalBytes: 0,
    diskFullInMs: null,
  };
  #trendAt = Number.NEGATIVE_INFINITY;
  #lastTicks: number | null = null;
  #lastAt = 0;
  #memoryBytes = 0;
  #memoryAt = Number.NEGATIVE_INFINITY;
  readonly #ring: ResourceSample[] = [];

  constructor(
    private readonly directory: string,
    private readonly intervalMs: number,
    /** Root processes of the node: the agent, the guardian, the postmaster. */
    private readonly rootPids: () => readonly number[],
  ) {
    this.#coarse.enable();
  }

  get use(): ResourceUse {
    return this.#use;
  }

  /** Longest block of the main thread since the last call. */
  takeLoopBlockMs(): number {
    const loop = performance.eventLoopUtilization();
    const { active, idle } = performance.eventLoopUtilization(loop, this.#loop);
    this.#loop = loop;
    const { blockMs, watchClosely } = loopBlock({
      activeMs: active,
      idleMs: idle,
      coarseLateMs: takeLateMs(this.#coarse, coarseMs),
      fineLateMs: this.#watchesClosely ? takeLateMs(this.#fine, fineMs) : null,
    });
    if (watchClosely !== this.#watchesClosely) {
      if (watchClosely) this.#fine.enable();
      else this.#fine.disable();
      this.#fine.reset();
      this.#watchesClosely = watchClosely;
    }
    return round(blockMs);
  }

  /**
   * Whatever may wait for a disk, or for another process's memory, is asynchronous: it must never block the thread that renews the lease. The rest of
   * /proc is a copy of numbers, and a detour through four worker threads a file costs more than everything else an idle agent does.
   */
  async sample(now: number): Promise<void> {
    const pids = this.#processes();
    const stats = pids.map(processStat).filter((stat) => stat !== null);
    const ticks = stats.reduce((sum, stat) => sum + stat.ticks, 0);
    if (now - this.#memoryAt >= memoryEveryMs) {
      this.#memoryAt = now;
      let bytes = 0;
      for (const stat of stats) bytes += (await proportionalBytes(stat.pid)) ?? stat.residentBytes;
      this.#memoryBytes = bytes;
    }
    const seconds = (now - this.#lastAt) / 1000;
    const spent =
      this.#lastTicks === null || seconds <= 0 ? 0 : (ticks - this.#lastTicks) / clockTicksPerSecond / seconds;
    this.#lastTicks = ticks;
    this.#lastAt = now;
    const disk = await statfs(this.directory);
    this.#use = {
      cpuPercent: round(Math.min(100, Math.max(0, (100 * spent) / this.#cpus))),
      memoryPercent: round((100 * this.#memoryBytes) / this.#memoryTotal),
      memoryBytes: this.#memoryBytes,
      diskUsedBytes: (disk.blocks - disk.bfree) * disk.bsize,
      diskTotalBytes: disk.blocks * disk.bsize,
      diskFullInMs: this.#diskFullInMs(now, disk.blocks * disk.bsize),
    };
  }

  #diskFullInMs(now: number, totalBytes: number): number | null {
    if (now - this.#trendAt < trendEveryMs) return this.#use.diskFullInMs;
    this.#trendAt = now;
    const points = this.#ring.map((sample) => ({ atMs: Date.parse(sample.at), usedBytes: sample.diskUsedBytes }));
    return msUntilFull(points, totalBytes);
  }

  /** The roots and their children: PostgreSQL's backends are children of the postmaster. */
  #processes(): readonly number[] {
    const roots = this.rootPids();
    return [...new Set([...roots, ...roots.flatMap(childrenOf)])];
  }

  record(sample: Omit<ResourceSample, keyof ResourceUse>): void {
    const { cpuPercent, memoryPercent, diskUsedBytes, diskTotalBytes } = this.#use;
    this.#ring.push({ ...sample, cpuPercent, memoryPercent, diskUsedBytes, diskTotalBytes });
    const limit = Math.ceil((ringSeconds * 1000) / this.intervalMs);
    if (this.#ring.length > limit) this.#ring.splice(0, this.#ring.length - limit);
  }

  /** Oldest first, the last `minutes`. */
  recent(minutes: number): readonly ResourceSample[] {
    return this.#ring.slice(-Math.ceil((minutes * 60_000) / this.intervalMs));
  }

  stop(): void {
    this.#coarse.disable();
    this.#fine.disable();
  }
}

function takeLateMs(histogram: IntervalHistogram, intervalMs: number): number {
  const lateMs = histogram.max / 1e6 - intervalMs;
  const counted = histogram.count > 0 && Number.isFinite(lateMs);
  histogram.reset();
  return counted ? Math.max(0, lateMs) : 0;
}

type ProcessStat = { readonly pid: number; readonly ticks: number; readonly residentBytes: number };

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function processStat(pid: number): ProcessStat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, ticks: Number(fields[11]) + Number(fields[12]), residentBytes: Number(fields[21]) * pageBytes };
  } catch {
    return null;
  }
}

/** Proportional set size: PostgreSQL's processes share their buffers, which must not count once per process. */
async function proportionalBytes(pid: number): Promise<number | null> {
  try {
    const match = /^Pss:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return match?.[1] ? Number(match[1]) * 1024 : null;
  } catch {
    return null;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
