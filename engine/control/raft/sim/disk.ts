/**
 * The disk of a simulated host, behind the real log storage. What was written is in the page cache: a killed process leaves it (the last write perhaps in
 * part), a power loss takes what was not synced, of a file's bytes and of its directory's names. It can be full, and a sync can fail, which drops what
 * it should have kept without telling anybody again.
 */
import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../../../kernel/disk';
import type { Dice } from './events';
import type { SimProcess } from './process';

type Inode = {
  id: number;
  bytes: Buffer;
  /** Up to here it survives a power loss. */
  kept: number;
  /** A sync failed: what it should have kept is marked as written, and no later sync keeps it. */
  holed: boolean;
};

type NameChange = (names: Map<string, Inode>) => void;

export type DiskWorld = {
  readonly dice: Dice;
  readonly fired: (what: string) => void;
  /** How long a sync takes, drawn per call. */
  readonly syncMs: () => number;
  readonly nextInode: () => number;
};

export class SimDisk {
  full = false;
  failNextSync = false;
  /** Syncs take this much longer. */
  slowerMs = 0;
  /** Called before each write with what is written: a fault may kill the process in it. */
  beforeWrite: ((bytes: Buffer) => void) | null = null;
  #names = new Map<string, Inode>();
  /** Names as the last sync of the directory left them, and what was done to them since. */
  #keptNames = new Map<string, Inode>();
  #changes: NameChange[] = [];
  #writing: { readonly inode: Inode; readonly bytes: Buffer } | null = null;

  constructor(private readonly world: DiskWorld) {}

  get empty(): boolean {
    return this.#names.size === 0;
  }

  /** A backup of the directory: other inodes. */
  copy(): SimDisk {
    const copy = new SimDisk(this.world);
    for (const [path, inode] of this.#names) {
      const bytes = Buffer.from(inode.bytes);
      copy.#names.set(path, { id: this.world.nextInode(), bytes, kept: bytes.length, holed: false });
    }
    copy.#keptNames = new Map(copy.#names);
    return copy;
  }

  /** The process was killed: what it was writing is there in part. */
  killed(): void {
    const { dice, fired } = this.world;
    if (this.#writing) {
      const { inode, bytes } = this.#writing;
      const part = dice.below(bytes.length + 1);
      if (part < bytes.length) fired('torn write');
      inode.bytes = Buffer.concat([inode.bytes, bytes.subarray(0, part)]);
    }
    this.#writing = null;
    this.beforeWrite = null;
  }

  /** Everything that was not synced may be gone: bytes from some point on, names from some change on. */
  powerLost(): void {
    this.killed();
    const { dice, fired } = this.world;
    for (const inode of new Set([...this.#names.values(), ...this.#keptNames.values()])) {
      const unsynced = inode.bytes.length - inode.kept;
      if (unsynced <= 0) continue;
      const kept = inode.kept + (dice.chance(0.5) ? 0 : dice.below(unsynced + 1));
      if (kept < inode.bytes.length) fired('unsynced bytes lost');
      inode.bytes = inode.bytes.subarray(0, kept);
      inode.kept = kept;
    }
    const done = dice.below(this.#changes.length + 1);
    if (done < this.#changes.length) fired('unsynced names lost');
    for (const change of this.#changes.slice(0, done)) change(this.#keptNames);
    this.#names = new Map(this.#keptNames);
    this.#changes = [];
  }

  /** As one life of a process uses it: what it began goes on only while it lives. */
  for(process: SimProcess): Disk {
    const { dice } = this.world;
    const after = <T>(ms: number, job: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        process.later(ms, () => {
          try {
            resolve(job());
          } catch (error) {
            reject(error);
          }
        });
      });
    const soon = <T>(job: () => T) => after(dice.between(0.01, 0.1), job);
    const found = (path: string): Inode => {
      const inode = this.#names.get(path);
      if (!inode) throw Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: 'ENOENT' });
      return inode;
    };
    return {
      ensureDirectory: () => soon(() => undefined),
      list: (directory) =>
        soon(() =>
          [...this.#names.keys()]
            .filter((path) => dirname(path) === directory)
            .map((path) => path.slice(directory.length + 1)),
        ),
      read: (path) => soon(() => Buffer.from(found(path).bytes)),
      place: (path) => soon(() => ({ inode: String(found(path).id), born: String(found(path).id) })),
      create: (path) =>
        soon(() => {
          if (this.full) throw this.#noRoom();
          const inode: Inode = { id: this.world.nextInode(), bytes: Buffer.alloc(0), kept: 0, holed: false };
          this.#rename((names) => names.set(path, inode));
          return this.#file(inode, after);
        }),
      openToAppend: (path) => soon(() => this.#file(found(path), after)),
      truncate: (path, length) => soon(() => cut(found(path), length)),
      rename: (from, to) =>
        soon(() => {
          const inode = found(from);
          this.#rename((names) => {
            names.delete(from);
            names.set(to, inode);
          });
        }),
      remove: (path) => soon(() => this.#rename((names) => names.delete(path))),
      syncDirectory: () =>
        after(this.world.syncMs() + this.slowerMs, () => {
          this.#mustSync();
          for (const change of this.#changes) change(this.#keptNames);
          this.#changes = [];
        }),
    };
  }

  #file(inode: Inode, after: <T>(ms: number, job: () => T) => Promise<T>): DiskFile {
    const { dice } = this.world;
    return {
      size: () => after(0.01, () => inode.bytes.length),
      append: (bytes) => {
        this.beforeWrite?.(bytes);
        this.#writing = { inode, bytes };
        return after(dice.between(0.01, 0.2), () => {
          this.#writing = null;
          const fits = this.full ? dice.below(bytes.length) : bytes.length;
          inode.bytes = Buffer.concat([inode.bytes, bytes.subarray(0, fits)]);
          if (fits < bytes.length) throw this.#noRoom();
        });
      },
      overwrite: (position, bytes) =>
        after(0.05, () => {
          const changed = Buffer.from(inode.bytes);
          bytes.copy(changed, position);
          inode.bytes = changed;
          inode.kept = Math.min(inode.kept, position);
        }),
      truncate: (length) => after(0.05, () => cut(inode, length)),
      sync: () => {
        const { length } = inode.bytes;
        return after(this.world.syncMs() + this.slowerMs, () => {
          this.#mustSync(inode);
          if (!inode.holed) inode.kept = Math.max(inode.kept, length);
        });
      },
      close: async () => undefined,
    };
  }

  #rename(change: NameChange): void {
    change(this.#names);
    this.#changes.push(change);
  }

  /** The kernel marks what it could not write as clean: a later sync of the same file succeeds and keeps nothing of it. */
  #mustSync(inode?: Inode): void {
    if (!this.failNextSync) return;
    this.failNextSync = false;
    if (inode) inode.holed = true;
    this.world.fired('fsync error');
    throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  }

  #noRoom(): Error {
    this.world.fired('no room');
    return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  }
}

function cut(inode: Inode, length: number): void {
  inode.bytes = inode.bytes.subarray(0, length);
  inode.kept = Math.min(inode.kept, length);
}
