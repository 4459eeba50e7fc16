/**
 * Who runs on this machine, as /proc says it and not as the product reports it: which processes belong to a directory, what they use of CPU and
 * memory. Zombies don't count as alive: where PID 1 reaps late a killed process stays visible for seconds.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export function liveProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
      } catch {
        return false;
      }
    });
}

/** Live processes that work in `path`, name something inside it on their command line, or carry it as their data directory. */
export function processesTouching(path: string): readonly number[] {
  const inside = (other: string) => other === path || other.startsWith(`${path}/`);
  return liveProcesses().filter((pid) => {
    if (pid === process.pid) return false;
    return inside(workingDirectory(pid)) || commandLine(pid).some(inside) || environmentDirectory(pid, path);
  });
}

/** The launcher names its directory only in its environment. */
function environmentDirectory(pid: number, path: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`RUSTYDB_DATA_DIR=${path}`);
  } catch {
    return false;
  }
}

export function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

export function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** CPU time a process has used so far, in ms; null when it is gone. */
export function cpuTimeMs(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return null;
  }
}

/** Proportional set size: shared pages are counted once over all processes that share them. */
export function memoryBytes(pid: number): number | null {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const match = /^Pss:\s+(\d+) kB/m.exec(rollup);
    return match ? Number(match[1]) * 1024 : null;
  } catch {
    return null;
  }
}

export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile.
  }
}

/** What a process calls itself, as PostgreSQL's do (`postgres: node-1: checkpointer`). */
export function processTitle(pid: number): string {
  return commandLine(pid).join(' ').trim();
}
