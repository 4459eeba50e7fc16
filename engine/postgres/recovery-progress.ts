/**
 * How far a server is that replays WAL before it takes connections: nobody can ask it, but its startup process says which segment it replays, and
 * pg_control what it must at least reach. Invariant: only what was read is told; an end that is not known (crash recovery of a primary) is null.
 */
import { readFileSync } from 'node:fs';
import type { RecoveryProgress } from '../cluster/model';
import { formatLsn, type Lsn, parseLsn } from '../kernel/lsn';
import { readControlFile } from './control-data';

const segmentBytes = 16n * 1024n * 1024n;
/** The control file changes at restartpoints, and with pages that are written out. */
const controlEveryMs = 1_000;

/** Where the segment begins that a process title names, replayed or awaited from an archive; null: no startup process that recovers. */
export function segmentStart(title: string): Lsn | null {
  const [, high, segment] =
    /startup (?:recovering|waiting for) [0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})/.exec(title) ?? [];
  if (high === undefined || segment === undefined) return null;
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${segment}`) * segmentBytes;
}

type Seen = { readonly lsn: Lsn; readonly atMs: number };

/** Rate since the first segment that was seen: a single one says nothing. */
export function progressOf(first: Seen, now: Seen, until: Lsn | null): RecoveryProgress {
  const bytes = Number(now.lsn - first.lsn);
  const ms = now.atMs - first.atMs;
  const bytesPerSecond = bytes > 0 && ms > 0 ? Math.round((bytes / ms) * 1000) : null;
  const known = until !== null && until > 0n;
  return {
    replayedLsn: formatLsn(now.lsn),
    untilLsn: known ? formatLsn(until) : null,
    doneBytes: bytes,
    restBytes: known ? Math.max(0, Number(until - now.lsn)) : null,
    bytesPerSecond,
  };
}

export class RecoveryWatch {
  #first: Seen | null = null;
  #until: { lsn: Lsn | null; atMs: number } | null = null;

  constructor(private readonly dataDirectory: string) {}

  /** The server takes connections, or is gone. */
  forget(): void {
    this.#first = null;
    this.#until = null;
  }

  /** Null: it is not replaying (yet), or its title can't be read here. */
  async look(postmasterPid: number, nowMs: number): Promise<RecoveryProgress | null> {
    const lsn = startupPosition(postmasterPid);
    if (lsn === null) return null;
    this.#first ??= { lsn, atMs: nowMs };
    if (this.#until === null || nowMs - this.#until.atMs >= controlEveryMs)
      this.#until = { lsn: await this.#reachAtLeast(), atMs: nowMs };
    return progressOf(this.#first, { lsn, atMs: nowMs }, this.#until.lsn);
  }

  async #reachAtLeast(): Promise<Lsn | null> {
    const control = await readControlFile(this.dataDirectory).catch(() => null);
    return control === null ? null : parseLsn(control.minRecoveryLsn);
  }
}

function startupPosition(postmasterPid: number): Lsn | null {
  try {
    const children = readFileSync(`/proc/${postmasterPid}/task/${postmasterPid}/children`, 'latin1').trim();
    for (const child of children.split(' ')) {
      const lsn = child === '' ? null : segmentStart(titleOf(child));
      if (lsn !== null) return lsn;
    }
  } catch {
    // Gone meanwhile, or a kernel that does not list children.
  }
  return null;
}

function titleOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
