/**
 * What the node uses of its host: CPU and memory of the agent, its guardian and its PostgreSQL, and the disk under its data. Sampled every few
 * seconds from /proc; kept as a ring of one hour. For display, ranking and alerts, never for a decision about who serves.
 */
import { readFile, statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ResourceSample } from '../monitoring/model';
import { msUntilFull } from './core/disk-trend';

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

export class ResourceSampler {
  readonly #loop = monitorEventLoopDelay({ resolution: 20 });
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
    this.#loop.enable();
  }

  get use(): ResourceUse {
    return this.#use;
  }

  /** Longest block of the main thread since the last call, in ms beyond the sampling resolution. */
  takeLoopBlockMs(): number {
    const worst = this.#loop.max / 1e6 - 20;
    this.#loop.reset();
    return Number.isFinite(worst) && worst > 0 ? Math.round(worst * 10) / 10 : 0;
  }

  /** Asynchronous throughout: reading /proc must never block the thread that renews the lease. */
  async sample(now: number): Promise<void> {
    const pids = await this.#processes();
    const stats = (await Promise.all(pids.map(processStat))).filter((stat) => stat !== null);
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
      cpuPercent: round(Math.min(100, Math.max(0, (100 * spent) / cpus().length))),
      memoryPercent: round((100 * this.#memoryBytes) / totalmem()),
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
  async #processes(): Promise<readonly number[]> {
    const roots = this.rootPids();
    const children = await Promise.all(roots.map(childrenOf));
    return [...new Set([...roots, ...children.flat()])];
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
    this.#loop.disable();
  }
}

type ProcessStat = { readonly pid: number; readonly ticks: number; readonly residentBytes: number };

async function childrenOf(pid: number): Promise<readonly number[]> {
  try {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

async function processStat(pid: number): Promise<ProcessStat | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
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
