/**
 * A host's disk for the files of the agent: what was written and not synced is lost or torn when the power goes, names move only when their directory
 * is synced, and it may be full. A process that is killed loses nothing that it had written. Invariant kept: what `sync` and `syncDirectory` have
 * returned from is there after any crash.
 */
import type { Disk, DiskFile, FilePlace } from '../../kernel/disk';
import type { OpenFile, SmallFiles } from '../../kernel/small-files';
import type { EventQueue, Process, Random } from './event-queue';
import { type FileKind, kindOf } from './file-kinds';

type Content = {
  readonly inode: number;
  readonly kind: FileKind | null;
  chunks: Buffer[];
  size: number;
  /** How much of it survives the power. */
  synced: number;
  /** What stood where something was overwritten since the last sync. */
  before: { readonly position: number; readonly bytes: Buffer }[];
};

type NameChange = { readonly path: string; readonly content: Content | null };

export type DiskCall = 'write' | 'sync' | 'rename' | 'directory';

const blockBytes = 4096;

export class HostDisk {
  full = false;
  /** The power goes in the middle of the next such call on such a file. */
  cutAt: { readonly call: DiskCall; readonly kind: FileKind } | null = null;
  /** The last of the room goes to the next write of such a file. */
  fullAt: FileKind | null = null;
  onCut: (kind: FileKind) => void = () => undefined;
  onFull: (kind: FileKind) => void = () => undefined;
  /** A file was replaced as a whole. */
  onReplaced: (path: string, text: string) => void = () => undefined;
  #names = new Map<string, Content>();
  #durable = new Map<string, Content>();
  #unsynced = new Map<string, NameChange[]>();
  #inodes = 1;

  constructor(private readonly random: Random) {}

  /** The power went. */
  lose(): void {
    for (const changes of this.#unsynced.values()) {
      // A journal keeps the order of what it has taken.
      const kept = this.random.below(changes.length + 1);
      for (const change of changes.slice(0, kept)) this.#settle(change);
    }
    this.#unsynced.clear();
    this.#names = new Map(this.#durable);
    for (const content of new Set(this.#names.values())) {
      this.#undoSome(content);
      if (content.synced >= content.size) continue;
      const bytes = bytesOf(content);
      const left = content.synced + this.random.below(content.size - content.synced + 1);
      const torn = Buffer.from(bytes.subarray(0, left));
      // The tail may be a block that never came.
      if (left > content.synced && this.random.chance(0.3)) torn.fill(0, Math.max(content.synced, left - blockBytes));
      content.chunks = [torn];
      content.size = left;
      content.synced = left;
    }
  }

  /** Each place that was overwritten and not synced holds the one or the other. */
  #undoSome(content: Content): void {
    for (const { position, bytes } of content.before.splice(0))
      if (this.random.chance(0.5)) this.#put(content, position, bytes);
  }
  #put(content: Content, position: number, bytes: Buffer): void {
    const whole = Buffer.from(bytesOf(content));
    bytes.copy(whole, position);
    content.chunks = [whole];
  }

  clear(): void {
    // Another disk, and an empty one.
    this.full = false;
    this.#names.clear();
    this.#durable.clear();
    this.#unsynced.clear();
  }

  #settle({ path, content }: NameChange): void {
    if (content === null) this.#durable.delete(path);
    else this.#durable.set(path, content);
  }
  #rename(path: string, content: Content | null): void {
    if (content === null) this.#names.delete(path);
    else this.#names.set(path, content);
    const directory = directoryOf(path);
    const changes = this.#unsynced.get(directory) ?? [];
    changes.push({ path, content });
    this.#unsynced.set(directory, changes);
  }
  #cuts(call: DiskCall, kind: FileKind | null): boolean {
    return this.cutAt !== null && this.cutAt.call === call && this.cutAt.kind === kind;
  }
  #cut(call: DiskCall, kind: FileKind | null): void {
    if (kind === null || !this.#cuts(call, kind)) return;
    this.cutAt = null;
    this.onCut(kind);
    throw new Error('the power went');
  }
  #fill(kind: FileKind | null): void {
    if (kind === null || this.fullAt !== kind) return;
    this.fullAt = null;
    this.full = true;
    this.onFull(kind);
  }
  /** A small file that PostgreSQL or the guardian replaces, which is kept elsewhere: before or after the change. */
  replacedElsewhere(path: string, change: () => void): void {
    const kind = kindOf(path);
    this.#fill(kind);
    if (this.full) throw full(path);
    const cut = kind !== null && this.cutAt?.kind === kind;
    if (!cut || this.random.chance(0.5)) change();
    if (cut) this.#cut(this.cutAt!.call, kind);
  }

  find(path: string): Content | undefined {
    return this.#names.get(path);
  }
  read(path: string): Buffer {
    const content = this.#names.get(path);
    if (!content) throw missing(path);
    return bytesOf(content);
  }
  create(path: string): Content {
    const kind = kindOf(path);
    this.#fill(kind);
    if (this.full) throw full(path);
    const content: Content = { inode: this.#inodes++, kind, chunks: [], size: 0, synced: 0, before: [] };
    this.#rename(path, content);
    return content;
  }
  write(content: Content, bytes: Buffer): void {
    this.#fill(content.kind);
    const part = this.full || this.#cuts('write', content.kind) ? this.random.below(bytes.length + 1) : bytes.length;
    content.chunks.push(bytes.subarray(0, part));
    content.size += part;
    this.#cut('write', content.kind);
    if (this.full) throw full('the file');
  }
  overwrite(content: Content, position: number, bytes: Buffer): void {
    content.before.push({ position, bytes: Buffer.from(bytesOf(content).subarray(position, position + bytes.length)) });
    this.#put(content, position, bytes);
  }
  truncate(content: Content, length: number): void {
    const bytes = bytesOf(content).subarray(0, length);
    content.chunks = [Buffer.from(bytes)];
    content.size = bytes.length;
    content.synced = Math.min(content.synced, content.size);
  }
  sync(content: Content): void {
    this.#cut('sync', content.kind);
    content.synced = content.size;
    content.before = [];
  }
  move(from: string, to: string): void {
    const content = this.#names.get(from);
    if (!content) throw missing(from);
    this.#cut('rename', content.kind);
    // One entry of the journal: never neither, never both.
    this.#names.delete(from);
    this.#rename(to, content);
    this.#rename(from, null);
    this.onReplaced(to, bytesOf(content).toString());
  }
  remove(path: string): void {
    if (this.#names.has(path)) this.#rename(path, null);
  }
  syncDirectory(directory: string): void {
    const changes = this.#unsynced.get(directory) ?? [];
    if (changes.some(({ path }) => this.#cuts('directory', kindOf(path)))) this.#cut('directory', this.cutAt!.kind);
    for (const change of changes) this.#settle(change);
    this.#unsynced.delete(directory);
  }
  list(directory: string): string[] {
    const prefix = `${directory}/`;
    const names = new Set<string>();
    for (const path of this.#names.keys())
      if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split('/')[0]!);
    return [...names].sort();
  }
}

function bytesOf(content: Content): Buffer {
  if (content.chunks.length !== 1) content.chunks = [Buffer.concat(content.chunks)];
  return content.chunks[0]!;
}
function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file, ${path}`), { code: 'ENOENT' });
}
function full(path: string): Error {
  return Object.assign(new Error(`ENOSPC: no space left on device, ${path}`), { code: 'ENOSPC' });
}

/** The small files as one process uses them; a dead one does nothing any more. */
export class SimFiles implements SmallFiles {
  constructor(
    private readonly disk: HostDisk,
    private readonly process: Process,
    private readonly clock: { wall(): number },
    /** Files of others that it reads. */
    private readonly others: (path: string) => string | null = () => null,
  ) {}
  #alive(): void {
    if (!this.process.alive) throw new Error('this process is dead');
  }
  readText(path: string): string | null {
    return this.disk.find(path) ? this.disk.read(path).toString('utf8') : this.others(path);
  }
  create(path: string): OpenFile {
    this.#alive();
    const content = this.disk.create(path);
    return {
      write: (text) => {
        this.#alive();
        this.disk.write(content, Buffer.from(text));
      },
      sync: () => {
        this.#alive();
        this.disk.sync(content);
      },
      close: () => undefined,
    };
  }
  rename(from: string, to: string): void {
    this.#alive();
    this.disk.move(from, to);
  }
  syncDirectory(path: string): void {
    this.#alive();
    this.disk.syncDirectory(path);
  }
  makeDirectory(): void {}
  freeBytes(): number {
    return this.disk.full ? 0 : 100 * 2 ** 30;
  }
  async names(directory: string): Promise<readonly string[]> {
    return this.disk.list(directory);
  }
  async stat(path: string): Promise<{ size: number; mtimeMs: number }> {
    return { size: this.disk.read(path).length, mtimeMs: this.clock.wall() };
  }
  async endsInsideLine(path: string): Promise<boolean> {
    const bytes = this.disk.find(path) ? this.disk.read(path) : Buffer.alloc(0);
    return bytes.length > 0 && bytes[bytes.length - 1] !== 10;
  }
  async append(path: string, text: string, options: { readonly flush: boolean }): Promise<void> {
    this.#alive();
    const content = this.disk.find(path) ?? this.disk.create(path);
    this.disk.write(content, Buffer.from(text));
    if (options.flush) this.disk.sync(content);
  }
  async *lines(path: string): AsyncIterable<string> {
    const text = this.disk.read(path).toString('utf8');
    for (const line of text.split('\n')) if (line !== '') yield line;
  }
  async remove(path: string): Promise<void> {
    this.removeNow(path);
  }
  removeNow(path: string): void {
    this.#alive();
    this.disk.remove(path);
  }
  async ensureDirectory(): Promise<void> {}
}

/** The control store's files: a sync takes time, everything else is at once. */
export class SimDisk implements Disk {
  /** A sync takes so much longer. */
  slowMs = 0;

  constructor(
    private readonly disk: HostDisk,
    private readonly process: Process,
    private readonly queue: EventQueue,
    private readonly random: Random,
  ) {}
  async #soon<T>(act: () => T, ms = 0): Promise<T> {
    if (ms > 0)
      await new Promise<void>((resolve) => {
        this.queue.after(ms, this.process, () => {
          this.queue.touch();
          resolve();
        });
      });
    if (!this.process.alive) return new Promise<T>(() => undefined);
    return act();
  }
  #synced<T>(act: () => T): Promise<T> {
    return this.#soon(act, this.random.between(0.3, 2.5) + this.slowMs);
  }
  async ensureDirectory(): Promise<void> {}
  list(directory: string): Promise<readonly string[]> {
    return this.#soon(() => this.disk.list(directory));
  }
  read(path: string): Promise<Buffer> {
    return this.#soon(() => this.disk.read(path));
  }
  place(path: string): Promise<FilePlace> {
    return this.#soon(() => {
      const content = this.disk.find(path);
      if (!content) throw missing(path);
      return { inode: String(content.inode), born: String(content.inode) };
    });
  }
  create(path: string): Promise<DiskFile> {
    return this.#soon(() => this.#file(this.disk.create(path)));
  }
  openToAppend(path: string): Promise<DiskFile> {
    return this.#soon(() => {
      const content = this.disk.find(path);
      if (!content) throw missing(path);
      return this.#file(content);
    });
  }
  truncate(path: string, length: number): Promise<void> {
    return this.#soon(() => {
      const content = this.disk.find(path);
      if (content) this.disk.truncate(content, length);
    });
  }
  rename(from: string, to: string): Promise<void> {
    return this.#soon(() => this.disk.move(from, to));
  }
  remove(path: string): Promise<void> {
    return this.#soon(() => this.disk.remove(path));
  }
  syncDirectory(path: string): Promise<void> {
    return this.#synced(() => this.disk.syncDirectory(path));
  }
  #file(content: NonNullable<ReturnType<HostDisk['find']>>): DiskFile {
    return {
      size: () => this.#soon(() => content.size),
      append: (bytes) => this.#soon(() => this.disk.write(content, bytes)),
      overwrite: (position, bytes) => this.#soon(() => this.disk.overwrite(content, position, bytes)),
      truncate: (length) => this.#soon(() => this.disk.truncate(content, length)),
      sync: () => this.#synced(() => this.disk.sync(content)),
      close: async () => undefined,
    };
  }
}
