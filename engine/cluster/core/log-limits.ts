/**
 * How much of its disk a server's log may take: what is removed, moved aside or emptied so that the whole directory stays below a limit, whatever is written
 * into it. Pure. Invariant: after the steps of each look the files have at most three quarters of the limit, so what comes until the next look has a quarter.
 */

export type LogFile = {
  readonly name: string;
  readonly bytes: number;
  readonly changedMs: number;
};

export type LogStep =
  /** Gets another name and PostgreSQL begins anew; the newest lines stay readable. */
  | { readonly kind: 'cut'; readonly name: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string }
  /** PostgreSQL still writes into it. */
  | { readonly kind: 'empty'; readonly name: string };

export const defaultLogBytes = 512 * 1024 * 1024;
export const leastLogBytes = 16 * 1024 * 1024;

/** Of days: PostgreSQL itself writes into one of each kind. */
const ofDay = /^postgresql-(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\.(?:json|log|csv)$/;
const aside = (name: string) => name.replace(/\.(json|log|csv)$/, '.cut.$1');
const isAside = (name: string) => /\.cut\.(?:json|log|csv)$/.test(name);

/** `files`: all of the directory, whatever they are called. */
export function logSteps(files: readonly LogFile[], limit: number): readonly LogStep[] {
  const active = newest(files.filter(({ name }) => ofDay.test(name)));
  const part = limit / 4;
  const steps: LogStep[] = [];
  const gone = new Set<string>();
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const empty = (file: LogFile) => {
    steps.push({ kind: 'empty', name: file.name });
    gone.add(file.name);
    total -= file.bytes;
  };
  for (const file of files) {
    if (isAside(file.name)) {
      // It was cut, and PostgreSQL did not let go of it.
      if (file.bytes > 2 * part) empty(file);
      continue;
    }
    if (!active.has(file.name) || file.bytes <= part) continue;
    if (file.bytes > 2 * part) {
      empty(file);
      continue;
    }
    const before = files.find(({ name }) => name === aside(file.name));
    total -= before?.bytes ?? 0;
    if (before) gone.add(before.name);
    steps.push({ kind: 'cut', name: file.name, to: aside(file.name) });
    gone.add(file.name);
  }
  const oldestFirst = [...files].sort((a, b) => a.changedMs - b.changedMs);
  for (const file of oldestFirst) {
    if (total <= 3 * part) break;
    if (gone.has(file.name) || active.has(file.name)) continue;
    steps.push({ kind: 'remove', name: file.name });
    total -= file.bytes;
  }
  return steps;
}

/** Those of the present day: the newest of each kind. */
function newest(files: readonly LogFile[]): ReadonlySet<string> {
  const byKind = new Map<string, LogFile>();
  for (const file of files) {
    const kind = file.name.split('.').at(-1)!;
    const before = byKind.get(kind);
    if (!before || file.changedMs > before.changedMs) byKind.set(kind, file);
  }
  return new Set([...byKind.values()].map(({ name }) => name));
}

export type Flood = { readonly sinceMs: number | null; readonly quietSinceMs: number | null };
export const noFlood: Flood = { sinceMs: null, quietSinceMs: null };

/** More than a busy server with all of its statements in the log writes for long. */
export const floodBytesPerSecond = 2 * 1024 * 1024;
const toldAfterMs = 2_000;
const overAfterMs = 15_000;

export function afterLook(flood: Flood, nowMs: number, bytesPerSecond: number): Flood {
  if (bytesPerSecond >= floodBytesPerSecond) return { sinceMs: flood.sinceMs ?? nowMs, quietSinceMs: null };
  if (flood.sinceMs === null) return noFlood;
  const quietSinceMs = flood.quietSinceMs ?? nowMs;
  return nowMs - quietSinceMs >= overAfterMs ? noFlood : { ...flood, quietSinceMs };
}

export function isTold({ sinceMs }: Flood, nowMs: number): boolean {
  return sinceMs !== null && nowMs - sinceMs >= toldAfterMs;
}
