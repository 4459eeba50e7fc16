/**
 * What a Raft member keeps on disk: log segments (entries and hard state in the order they were written) and snapshots.
 *
 * Invariants: `append` resolves only after fdatasync; a torn last record is cut, any other damage stops the node with a sentence that says what to
 * do; a directory that was copied from elsewhere, or belongs to another incarnation, is refused; after a failed write nothing is written again, but
 * for a full disk: then what was half written is cut, and the same call may be made again.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Disk, type DiskFile, type FilePlace, isDiskFull, isDiskTrouble, systemDisk } from '../../kernel/disk';
import { newerFormat } from '../../kernel/format-version';
import type { RaftMember } from '../store';
import type { Entry, HardState, Snapshot, SnapshotHead } from './core/model';
import type { Recovered } from './core/step';
import { decodeFrames, encodeFrame, frameHeader, headerBytes } from './log-frames';

/** The directory can't be used as it is; the message says which file and what to do. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

/** A write or an fsync failed. What is on disk is not known: the process must end, and the next one reads it. */
export class DiskFailure extends Error {
  override readonly name = 'DiskFailure';
}

/** There is no room. What is on disk is as before the call, which may be repeated. */
export class DiskFull extends Error {
  override readonly name = 'DiskFull';
}

type Frame = {
  /** First frame of a segment. `reset`: nothing in older segments counts any more. */
  readonly head?: {
    readonly version: number;
    readonly member: RaftMember;
    readonly reset: boolean;
    readonly place: FilePlace;
  };
  readonly hard?: HardState;
  readonly entries?: readonly Entry[];
  /** Entries up to here were known to be committed when this was written; never more than what earlier frames and this one hold. */
  readonly committed?: number;
};

/** What stands in the one frame of a snapshot. */
type SnapshotBody = SnapshotHead & { readonly member: RaftMember; readonly format?: number; readonly data: string };

const logVersion = 1;
const syncEveryBytes = 4 << 20;
/** Characters of commands in one frame of a log that is written whole. */
const pieceChars = 128 << 10;

export type StorageOptions = {
  readonly directory: string;
  readonly self: RaftMember;
  /** The operator says that this directory was moved here on purpose and is the newest copy. */
  readonly acceptMoved?: boolean;
  readonly maxSegmentBytes?: number;
  readonly disk?: Disk;
};

const rejoin = (directory: string) =>
  `Stop this node, move the directory ${directory} away and start it again: it then rejoins as a new member and copies its state from the others.`;

export class RaftLogStorage {
  #segment: DiskFile | null = null;
  #segmentNumber = 0;
  #segmentBytes = 0;
  #hard: HardState = { term: 0, vote: null };
  #failed: Error | null = null;
  #committed = 0;
  #committedOnDisk = 0;

  readonly #disk: Disk;

  private constructor(private readonly options: StorageOptions) {
    this.#disk = options.disk ?? systemDisk;
  }

  /** Null `recovered`: the directory is empty. @throws StorageError, or DiskFailure, after which another try may succeed */
  static async open(
    options: StorageOptions,
  ): Promise<{ storage: RaftLogStorage; recovered: Recovered | null; committed: number }> {
    const storage = new RaftLogStorage(options);
    const recovered = await storage.#read();
    return { storage, recovered, committed: storage.#committedOnDisk };
  }

  /** `index` is committed and durable here: told with the next frame. True: nothing on disk tells it yet. */
  noteCommitted(index: number): boolean {
    this.#committed = Math.max(this.#committed, index);
    return this.#committed > this.#committedOnDisk;
  }

  /** Writes what was noted, when no frame has carried it meanwhile. One call at a time, like `append`. */
  async writeCommitted(): Promise<void> {
    if (this.#committed > this.#committedOnDisk) await this.append(null, []);
  }

  /** Writes one frame and fsyncs it. One call at a time. */
  async append(hard: HardState | null, entries: readonly Entry[]): Promise<void> {
    await this.#guarded(async () => {
      if (hard) this.#hard = hard;
      if (!this.#segment) await this.#newSegment({ reset: false, entries: [] });
      const committed = this.#committed;
      await this.#write({ hard: hard ?? undefined, entries, ...(committed > 0 ? { committed } : {}) });
      this.#committedOnDisk = committed;
      if (this.#segmentBytes > (this.options.maxSegmentBytes ?? 16 << 20)) await this.#nextSegment();
    });
  }

  /**
   * Durable when it resolves. May run while `append` does: it touches another file. Each part is asked for when the one before is with the file system,
   * so that a state of any size is written in pieces of one part. The file is one frame all the same, as every release reads it.
   */
  async saveSnapshot(head: SnapshotHead, parts: Iterable<string>): Promise<void> {
    const { index, term, configuration } = head;
    const { self, directory } = this.options;
    function* body() {
      yield Buffer.from(`${JSON.stringify({ index, term, configuration }).slice(0, -1)},"data":"`);
      // Escaped part by part: an escape concerns one character only, and half a surrogate pair comes back as it was.
      for (const part of parts) yield Buffer.from(JSON.stringify(part).slice(1, -1));
      yield Buffer.from(`","member":${JSON.stringify(self)}}`);
    }
    await this.#guarded(() =>
      this.#writeFile(join(directory, `snapshot-${padded(index)}`), async (write, overwrite) => {
        let length = 0;
        let crc = 0;
        await write(Buffer.alloc(headerBytes));
        for (const bytes of body()) {
          length += bytes.length;
          crc = crc32(bytes, crc);
          await write(bytes);
        }
        await overwrite(0, frameHeader(length, crc));
      }),
    );
  }

  /** The log is exactly `entries` from now on; older segments and snapshots go. */
  async rewrite(entries: readonly Entry[], hard: HardState | null): Promise<void> {
    await this.#guarded(async () => {
      if (hard) this.#hard = hard;
      await this.#newSegment({ reset: true, entries });
      await this.#removeOld();
    });
  }

  async close(): Promise<void> {
    await this.#segment?.close();
    this.#segment = null;
  }

  /** What the disk did (an error of the operating system) is no verdict on the directory: the next start reads it again. */
  async #read(): Promise<Recovered | null> {
    const { directory } = this.options;
    try {
      await this.#disk.ensureDirectory(directory);
      return await this.#recover();
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      throw new DiskFailure(`The control store can't read ${directory}: ${error.message}. The next start tries again.`);
    }
  }

  async #guarded(job: () => Promise<void>): Promise<void> {
    if (this.#failed) throw this.#failed;
    try {
      await job();
    } catch (error) {
      if (error instanceof DiskFull) throw error;
      // After a failed fsync the kernel may have dropped the pages: a second try would lie.
      const reason = error instanceof Error ? error.message : String(error);
      this.#failed = new DiskFailure(
        `The control store can't write to ${this.options.directory}: ${reason}. The process ends and reads at its next start what is on disk.`,
      );
      throw this.#failed;
    }
  }

  /** Runs what needs room. Without it `undo` leaves things as they were; what fails in `undo` is a failed disk. */
  async #whenRoom<T>(job: () => Promise<T>, undo: () => Promise<void>): Promise<T> {
    try {
      return await job();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await undo();
      throw new DiskFull(
        `The disk of ${this.options.directory} is full (${(error as NodeJS.ErrnoException).code}). Free space there: the control store of this node goes on by itself.`,
      );
    }
  }

  async #write(frame: Frame): Promise<void> {
    const bytes = frameOf(frame);
    const segment = this.#segment!;
    await this.#whenRoom(
      () => segment.append(bytes),
      () => segment.truncate(this.#segmentBytes),
    );
    await segment.sync();
    this.#segmentBytes += bytes.length;
  }

  /** What was to be written is durable already: the old segment just goes on while there is no room for another. */
  async #nextSegment(): Promise<void> {
    try {
      await this.#newSegment({ reset: false, entries: [] });
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
    }
  }

  async #newSegment(content: { readonly reset: boolean; readonly entries: readonly Entry[] }): Promise<void> {
    const old = this.#segment;
    const number = this.#segmentNumber + 1;
    const path = join(this.options.directory, `log-${padded(number)}`);
    const head = { version: logVersion, member: this.options.self, reset: content.reset };
    const committed = this.#committed;
    const hard = this.#hard;
    const pieces = inPieces(content.entries);
    function* frames(place: FilePlace) {
      const said = (last: boolean) => (last && committed > 0 ? { committed } : {});
      const [first, ...others] = pieces;
      yield frameOf({ head: { ...head, place }, hard, entries: first, ...said(others.length === 0) } satisfies Frame);
      for (const [at, entries] of others.entries()) {
        yield frameOf({ entries, ...said(at === others.length - 1) } satisfies Frame);
      }
    }
    let length = 0;
    await this.#writeFile(path, async (write, _overwrite, place) => {
      for (const bytes of frames(place)) {
        length += bytes.length;
        await write(bytes);
      }
    });
    this.#segmentNumber = number;
    this.#segmentBytes = length;
    this.#segment = await this.#disk.openToAppend(path);
    this.#committedOnDisk = committed;
    await old?.close();
  }

  /** Temporary file, fsync, rename, fsync of the directory: the name never shows a half-written file. */
  async #writeFile(
    path: string,
    content: (
      write: (bytes: Buffer) => Promise<void>,
      overwrite: (position: number, bytes: Buffer) => Promise<void>,
      place: FilePlace,
    ) => Promise<void>,
  ): Promise<void> {
    const temporary = `${path}.tmp`;
    const giveUp = () => this.#disk.remove(temporary);
    await this.#disk.remove(temporary);
    let file: DiskFile | null = null;
    try {
      const opened = await this.#whenRoom(() => this.#disk.create(temporary), giveUp);
      file = opened;
      let unsynced = 0;
      const write = async (bytes: Buffer) => {
        await this.#whenRoom(() => opened.append(bytes), giveUp);
        unsynced += bytes.length;
        if (unsynced <= syncEveryBytes) return;
        // A little at a time, so that the log's own syncs don't wait behind all of it.
        unsynced = 0;
        await opened.sync();
      };
      await content(write, (position, bytes) => opened.overwrite(position, bytes), await this.#disk.place(temporary));
      await opened.sync();
      await this.#whenRoom(() => this.#disk.rename(temporary, path), giveUp);
      await this.#disk.syncDirectory(this.options.directory);
    } finally {
      await file?.close().catch(() => undefined);
    }
  }

  async #removeOld(): Promise<void> {
    const names = [...(await this.#disk.list(this.options.directory))];
    const snapshots = names.filter((name) => name.startsWith('snapshot-') && !name.endsWith('.tmp')).sort();
    const current = `log-${padded(this.#segmentNumber)}`;
    const old = names.filter((name) => name.startsWith('log-') && name < current);
    for (const name of [...old, ...snapshots.slice(0, -1)]) await this.#disk.remove(join(this.options.directory, name));
  }

  // -------------------------------------------------------------- opening
  async #recover(): Promise<Recovered | null> {
    const { directory } = this.options;
    const names = [...(await this.#disk.list(directory))].sort();
    for (const name of names.filter((candidate) => candidate.endsWith('.tmp')))
      await this.#disk.remove(join(directory, name));
    const segments = names.filter((name) => /^log-\d{16}$/.test(name));
    const snapshots = names.filter((name) => /^snapshot-\d{16}$/.test(name));
    if (segments.length === 0 && snapshots.length === 0) return null;
    if (segments.length === 0) {
      throw new StorageError(`${directory} holds a snapshot but no log: term and vote are lost. ${rejoin(directory)}`);
    }
    const snapshot = await this.#readSnapshot(snapshots);
    const entries = await this.#readSegments(segments);
    const newest = segments[segments.length - 1]!;
    this.#segmentNumber = Number(newest.slice('log-'.length));
    this.#segment = await this.#disk.openToAppend(join(directory, newest));
    this.#segmentBytes = await this.#segment.size();
    await this.#settle(entries);
    return { hardState: this.#hard, snapshot, entries };
  }

  async #readSnapshot(names: readonly string[]): Promise<Snapshot | null> {
    const name = names[names.length - 1];
    if (!name) return null;
    const path = join(this.options.directory, name);
    const frames = decodeFrames(await this.#disk.read(path));
    const body = frames.bodies[0];
    if (!body || frames.end !== 'clean') {
      throw new StorageError(
        `The snapshot ${path} is damaged (its checksum does not match). ${rejoin(this.options.directory)}`,
      );
    }
    const { member, format, data, index, term, configuration } = JSON.parse(body.toString()) as SnapshotBody;
    const newer = newerFormat(path, 'controlStore', format);
    if (newer !== null) throw new StorageError(newer);
    this.#checkMember(path, member);
    return { index, term, configuration, parts: data === '' ? [] : [data] };
  }

  /**
   * What was read may stand in the kernel's memory only: its process was killed before the sync, or the sync failed, after which no later one keeps it.
   * So it is written again before anything relies on it. (A moved directory gets its new place recorded by the same.)
   */
  async #settle(entries: readonly Entry[]): Promise<void> {
    try {
      await this.rewrite(entries, null);
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      await this.#segment!.sync();
      await this.#disk.syncDirectory(this.options.directory);
    }
  }

  async #readSegments(names: readonly string[]): Promise<readonly Entry[]> {
    let entries: Entry[] = [];
    for (const { path, bodies } of await this.#segmentsThatCount(names)) {
      for (const [position, body] of bodies.entries()) {
        const frame = JSON.parse(body.toString()) as Frame;
        if (position === 0) await this.#checkHead(path, frame);
        if (frame.hard) this.#hard = frame.hard;
        this.#committed = this.#committedOnDisk = frame.committed ?? this.#committedOnDisk;
        entries = joined(entries, frame.entries ?? []);
      }
    }
    return entries;
  }

  /** From the newest back to the one that made all older ones void: what is wrong with those does not matter. */
  async #segmentsThatCount(names: readonly string[]): Promise<{ path: string; bodies: readonly Buffer[] }[]> {
    const found: { path: string; bodies: readonly Buffer[] }[] = [];
    for (const name of [...names].reverse()) {
      const path = join(this.options.directory, name);
      const { bodies, end, goodBytes } = decodeFrames(await this.#disk.read(path));
      const newest = found.length === 0;
      if (end === 'damaged' || (end === 'torn' && !newest) || bodies.length === 0) {
        throw new StorageError(
          `The log segment ${path} is damaged at byte ${goodBytes} (a checksum does not match). ${rejoin(this.options.directory)}`,
        );
      }
      if (end === 'torn') await this.#disk.truncate(path, goodBytes);
      found.unshift({ path, bodies });
      if ((JSON.parse(bodies[0]!.toString()) as Frame).head?.reset) break;
    }
    return found;
  }

  async #checkHead(path: string, frame: Frame): Promise<void> {
    if (!frame.head)
      throw new StorageError(`${path} does not begin with a segment head. ${rejoin(this.options.directory)}`);
    const newer = newerFormat(path, 'controlStore', frame.head.version);
    if (newer !== null) throw new StorageError(newer);
    this.#checkMember(path, frame.head.member);
    if (this.options.acceptMoved) return;
    const place = await this.#disk.place(path);
    // Either alone may change on some file systems; a copy has both new.
    if (place.inode !== frame.head.place.inode && place.born !== frame.head.place.born) {
      throw new StorageError(
        `${path} is a copy (a restored backup?) and may be older than what this node has voted and acknowledged. ${rejoin(this.options.directory)} ` +
          'If the whole cluster was stopped and moved on purpose, start every node once with RUSTYDB_ACCEPT_MOVED=1.',
      );
    }
  }

  #checkMember(path: string, member: RaftMember): void {
    const { self, directory } = this.options;
    if (member.id === self.id && member.incarnation === self.incarnation) return;
    throw new StorageError(
      `${path} belongs to ${member.id} (incarnation ${member.incarnation}), this node is ${self.id} (incarnation ${self.incarnation}). ${rejoin(directory)}`,
    );
  }
}

/** Entries as a list of writes leaves them: one at or below the last index replaces what stood from there on. */
function joined(entries: Entry[], more: readonly Entry[]): Entry[] {
  const first = more[0];
  if (!first) return entries;
  const start = entries[0]?.index ?? first.index;
  if (first.index < start || first.index > start + entries.length) return [...more];
  entries.length = first.index - start;
  for (const entry of more) entries.push(entry);
  return entries;
}

function frameOf(content: Frame): Buffer {
  return encodeFrame(Buffer.from(JSON.stringify(content)));
}

/** At least one piece, perhaps empty. */
function inPieces(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const pieces: Entry[][] = [[]];
  let chars = 0;
  for (const entry of entries) {
    if (chars + entry.data.length > pieceChars && chars > 0) {
      pieces.push([]);
      chars = 0;
    }
    pieces[pieces.length - 1]!.push(entry);
    chars += entry.data.length + 64;
  }
  return pieces;
}

function padded(value: number): string {
  return String(value).padStart(16, '0');
}
