/** What every benchmark prints and writes: the machine, a table, and the same as JSON beside it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

export type MachineFacts = {
  readonly at: string;
  readonly commit: string;
  readonly node: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryGB: number;
  readonly loadBefore: number;
};

export function machineFacts(): MachineFacts {
  return {
    at: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    cpus: cpus().length,
    cpuModel: cpus()[0]?.model ?? 'unknown',
    memoryGB: Math.round(totalmem() / 2 ** 30),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

export function machineLine(facts: MachineFacts): string {
  return `${facts.at} · commit ${facts.commit} · ${facts.cpus} cores (${facts.cpuModel}), ${facts.memoryGB} GB, Linux ${facts.kernel}, Node ${facts.node} · load average before: ${facts.loadBefore}`;
}

export type Cell = string | number | null;

/** Markdown, so that it can go into docs/benchmarks.md as it is. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const text = (cell: Cell) =>
    cell === null
      ? '–'
      : typeof cell === 'number'
        ? Number.isInteger(cell)
          ? String(cell)
          : cell.toFixed(Math.abs(cell) < 10 ? 2 : 1)
        : cell;
  const lines = rows.map((row) => `| ${row.map(text).join(' | ')} |`);
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...lines].join('\n');
}

const directory = process.env.BENCH_OUT || 'bench-results';

/** Returns where it was written. */
export function saveJson(name: string, value: unknown): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${name}-${new Date().toISOString().replaceAll(/[:.]/g, '').slice(0, 15)}.json`);
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
  return file;
}

export function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
