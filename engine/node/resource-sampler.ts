/**
 * What the node uses of its host: CPU and memory of the agent, its guardian and its PostgreSQL, and the disk under its data. Sampled every few
 * seconds from /proc; kept as a ring of one hour. For display, ranking and alerts, never for a decision about who serves.
 */
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ResourceSample } from '../monitoring/model';

const clockTicksPerSecond = 100;
const pageBytes = 4096;
const ringSeconds = 3600;

export type ResourceUse = {
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly memoryBytes: number;
  readonly diskUsedBytes: number;
  readonly diskTotalBytes: number;
};

export class ResourceSampler {
  readonly #loop = monitorEventLoopDelay({ resolution: 20 });
  #use: ResourceUse = { cpuPercent: 0, memoryPercent: 0, memoryBytes: 0, diskUsedBytes: 0, diskTotalBytes: 0 };
  #lastTicks: number | null = null;
  #lastAt = 0;
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

  sample(now: number): void {
    const roots = new Set(this.rootPids());
    let ticks = 0;
    let memoryBytes = 0;
    for (const stat of processStats()) {
      if (!roots.has(stat.pid) && !roots.has(stat.parent)) continue;
      ticks += stat.ticks;
      memoryBytes += privateBytes(stat.pid) ?? stat.residentBytes;
    }
    const seconds = (now - this.#lastAt) / 1000;
    const cpuPercent =
      this.#lastTicks === null || seconds <= 0
        ? 0
        : Math.max(0, (100 * (ticks - this.#lastTicks)) / clockTicksPerSecond / seconds / cpus().length);
    this.#lastTicks = ticks;
    this.#lastAt = now;
    const disk = statfsSync(this.directory);
    this.#use = {
      cpuPercent: round(Math.min(100, cpuPercent)),
      memoryPercent: round((100 * memoryBytes) / totalmem()),
      memoryBytes,
      diskUsedBytes: (disk.blocks - disk.bfree) * disk.bsize,
      diskTotalBytes: disk.blocks * disk.bsize,
    };
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

type ProcessStat = {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  readonly residentBytes: number;
};

function* processStats(): Generator<ProcessStat> {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return;
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      yield {
        pid: Number(name),
        parent: Number(fields[1]),
        ticks: Number(fields[11]) + Number(fields[12]),
        residentBytes: Number(fields[21]) * pageBytes,
      };
    } catch {
      // The process ended between listing and reading.
    }
  }
}

/** Proportional set size: PostgreSQL's processes share their buffers, which must not count once per process. */
function privateBytes(pid: number): number | null {
  try {
    const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return match?.[1] ? Number(match[1]) * 1024 : null;
  } catch {
    return null;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
