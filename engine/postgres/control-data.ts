/**
 * pg_control and timeline history read without a server or its tools. What comes out decides whether a directory may be started and whom
 * it can follow, so anything unexpected is an error with a remedy, never a guess.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StandbyParameters } from '../cluster/core/standby-parameters';
import { ClusterError } from '../kernel/errors';
import { readRegularSync, readRegularText } from '../kernel/foreign-files';
import { formatLsn, parseLsn } from '../kernel/lsn';
import type { ControlData } from './api';
import { crc32c } from './crc32c';

/** PostgreSQL 18. */
const controlVersion = 1800;
const crcOffset = 292;

const states = [
  'starting up',
  'shut down',
  'shut down in recovery',
  'shutting down',
  'in crash recovery',
  'in archive recovery',
  'in production',
] as const;

/** Offsets of 32-bit integers. */
function parametersIn(bytes: Buffer): StandbyParameters {
  return {
    max_connections: bytes.readInt32LE(180),
    max_worker_processes: bytes.readInt32LE(184),
    max_wal_senders: bytes.readInt32LE(188),
    max_prepared_transactions: bytes.readInt32LE(192),
    max_locks_per_transaction: bytes.readInt32LE(196),
  };
}

/** Whole data that only another release can start. */
export class OtherMajorVersion extends ClusterError {}

/** A hundred times a major version, as PostgreSQL has numbered this file since 13. */
function isOtherMajor(version: number): boolean {
  return version % 100 === 0 && version >= 1300 && version <= 5000;
}

/** Invariant: only a file whose checksum is right is believed. */
export function parseControlFile(bytes: Buffer, path: string): ControlData {
  const remedy = 'this copy of the data cannot be started: remove the node’s data directory so that it is cloned again';
  if (bytes.length < crcOffset + 4) {
    throw new ClusterError('CONFLICT', `${path} is cut short (${bytes.length} bytes); ${remedy}`);
  }
  const version = bytes.readUInt32LE(8);
  if (version !== controlVersion) {
    if (isOtherMajor(version)) {
      // Nothing is wrong with this data: whoever removed it on our word after starting the wrong release would remove all copies, one by one.
      throw new OtherMajorVersion(
        'CONFLICT',
        `${path} was written by PostgreSQL ${version / 100}, and this release runs PostgreSQL ${controlVersion / 100}: it does not read data of another major version. ` +
          `Start the release of RustyDB that runs PostgreSQL ${version / 100}; nothing is damaged, and nothing needs to be removed`,
      );
    }
    const why = version === 0 ? 'is empty' : `has format ${version}, this PostgreSQL reads ${controlVersion}`;
    throw new ClusterError('CONFLICT', `${path} ${why}: it is damaged; ${remedy}`);
  }
  if (crc32c(bytes.subarray(0, crcOffset)) !== bytes.readUInt32LE(crcOffset)) {
    throw new ClusterError('CONFLICT', `${path} is damaged (wrong checksum); ${remedy}`);
  }
  return {
    systemIdentifier: bytes.readBigUInt64LE(0).toString(),
    state: states[bytes.readUInt32LE(16)] ?? 'unknown',
    checkpointLsn: formatLsn(bytes.readBigUInt64LE(32)),
    redoLsn: formatLsn(bytes.readBigUInt64LE(40)),
    timeline: Math.max(bytes.readUInt32LE(48), bytes.readUInt32LE(144)),
    minRecoveryLsn: formatLsn(bytes.readBigUInt64LE(136)),
    parameters: parametersIn(bytes),
  };
}

export async function readControlFile(dataDirectory: string): Promise<ControlData> {
  const path = join(dataDirectory, 'global', 'pg_control');
  let lastError: unknown;
  // The server rewrites it in place, so a reader may see half of it once.
  for (let attempt = 0; attempt < 3; attempt++) {
    let bytes: Buffer;
    try {
      // 8 kB that PostgreSQL keeps warm: a trip through the thread pool costs ten times the read, and this is asked all day.
      bytes = readRegularSync(path);
    } catch (error) {
      throw new ClusterError(
        'CONFLICT',
        `${path} can't be read (${(error as NodeJS.ErrnoException).code}): the data directory is incomplete; remove it so that the node is cloned again`,
      );
    }
    try {
      return parseControlFile(bytes, path);
    } catch (error) {
      lastError = error;
    }
  }
  throw lastError;
}

export type DirectoryContents = 'absent' | 'present';

/** `absent`: missing or empty. A directory with other content than a database is refused by name. */
export async function lookAtDataDirectory(dataDirectory: string): Promise<DirectoryContents> {
  const directory = await stat(dataDirectory).catch(() => null);
  if (!directory || (await readdir(dataDirectory)).length === 0) return 'absent';
  const version = await readRegularText(join(dataDirectory, 'PG_VERSION')).catch(() => null);
  if (version === null) {
    throw new ClusterError(
      'CONFLICT',
      `${dataDirectory} exists but holds no PostgreSQL database (PG_VERSION is missing): move it away, the node is then cloned again`,
    );
  }
  if (version.trim() !== '18') {
    throw new ClusterError(
      'CONFLICT',
      `${dataDirectory} was written by PostgreSQL ${version.trim()}, this is PostgreSQL 18: move it away or upgrade it first`,
    );
  }
  return 'present';
}

export type TimelineEnd = { readonly timeline: number; readonly forkLsn: string };

/** `<timeline>\t<where it was left>\t<why>` per line, oldest first; comments and blank lines are allowed. */
export function parseTimelineHistory(text: string): TimelineEnd[] {
  const ends: TimelineEnd[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line);
    if (!match) throw new RangeError(`not a timeline history line: ${JSON.stringify(line)}`);
    ends.push({ timeline: Number(match[1]), forkLsn: formatLsn(parseLsn(match[2]!)) });
  }
  return ends;
}

export function historyFileName(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
}

/** History of `timeline` as this directory has it; timeline 1 has none. */
export async function readTimelineHistory(dataDirectory: string, timeline: number): Promise<TimelineEnd[]> {
  if (timeline <= 1) return [];
  return parseTimelineHistory(await readRegularText(join(dataDirectory, 'pg_wal', historyFileName(timeline))));
}
