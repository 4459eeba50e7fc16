/**
 * What a clone receives, as files: the data directory in `target`, and each tablespace of the primary in a directory of this member's own, wherever the
 * primary keeps it. Invariants: no two members of a host ever write the same files; until `handOver` nobody but us can enter what we write into.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { type FileHandle, lchown, mkdir, readdir, readlink, statfs, symlink } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { exists } from '../kernel/durable-file';
import { ClusterError } from '../kernel/errors';
import { createNew, ensureDirectory, type FileOwner, giveDirectorySync, removeTree } from '../kernel/foreign-files';
import { manifestLimitBytes, type ReceivedFile, verifyManifest } from './backup-manifest';
import { syncTree } from './initdb';
import { TarReader } from './tar-stream';

/** Kept free besides the clone, or the server that starts on it would hit the wall at once. */
const reserveBytes = 64 * 1024 * 1024;

const tablespacesOf = (nodeDirectory: string) => join(nodeDirectory, 'tablespaces');

/** Tablespaces of earlier clones, which the data directory leads to no more. */
export async function removeOldTablespaces(nodeDirectory: string, dataDirectory: string): Promise<void> {
  const used = new Set<string>();
  for (const name of await readdir(join(dataDirectory, 'pg_tblspc'))) {
    const target = await readlink(join(dataDirectory, 'pg_tblspc', name)).catch(() => null);
    if (target !== null) used.add(dirname(target));
  }
  const all = tablespacesOf(nodeDirectory);
  for (const name of await readdir(all).catch(() => [])) {
    if (!used.has(join(all, name))) await removeTree(join(all, name));
  }
}

export class Extraction {
  #tar: TarReader | null = null;
  #manifest: Buffer[] | null = null;
  #manifestBytes = 0;
  #file: FileHandle | null = null;
  #hash: Hash | null = null;
  #name = '';
  #size = 0;
  readonly #received = new Map<string, ReceivedFile>();
  /** Of this clone alone: those of the data directory that it replaces stay whole until it does. */
  readonly #tablespaces: string;
  /** Of the tablespace whose archive is read; null: the data directory. */
  #tablespace: string | null = null;

  constructor(
    private readonly target: string,
    nodeDirectory: string,
    private readonly owner: FileOwner,
  ) {
    this.#tablespaces = join(tablespacesOf(nodeDirectory), randomBytes(6).toString('hex'));
  }

  async checkSpace(neededBytes: number): Promise<void> {
    const disk = await statfs(this.target);
    const free = disk.bavail * disk.bsize;
    if (free >= neededBytes + reserveBytes) return;
    const mb = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MB`;
    throw new ClusterError(
      'UNAVAILABLE',
      `the clone needs ${mb(neededBytes + reserveBytes)} and ${dirname(this.target)} has ${mb(free)} free: free some; what was there before is untouched`,
    );
  }

  /** `base.tar`, or `<oid>.tar` of a tablespace. */
  async startArchive(name: string): Promise<void> {
    this.endArchive();
    this.#tablespace = /^(\d+)\.tar$/.exec(name)?.[1] ?? null;
    if (this.#tablespace !== null) await this.#linkTablespace(this.#tablespace);
    this.#tar = new TarReader({
      open: (entry) => this.#open(entry.name, entry.kind, entry.mode),
      data: (chunk) => this.#data(chunk),
      close: () => this.#close(),
    });
  }

  endArchive(): void {
    this.#tar?.end();
    this.#tar = null;
  }

  startManifest(): void {
    this.#manifest = [];
  }

  async data(chunk: Buffer): Promise<void> {
    if (this.#tar) return this.#tar.push(chunk);
    if (!this.#manifest) throw new ClusterError('INTERNAL', 'data outside of an archive');
    this.#manifestBytes += chunk.length;
    if (this.#manifestBytes > manifestLimitBytes) throw new ClusterError('CONFLICT', 'the list of files is too long');
    this.#manifest.push(Buffer.from(chunk));
  }

  async #open(name: string, kind: 'file' | 'directory' | 'link', mode: number): Promise<void> {
    const path = normalize(name).replace(/\/$/, '');
    if (path.startsWith('..') || path.startsWith('/'))
      throw new ClusterError('CONFLICT', `the primary sent a path outside: ${name}`);
    if (kind === 'link') {
      // Its archive came before: the link is there, to a place of our own.
      if (this.#tablespace === null && dirname(path) === 'pg_tblspc' && /^\d+$/.test(basename(path))) return;
      throw new ClusterError('CONFLICT', `the primary's data directory has a link (${name}); links can't be cloned`);
    }
    const listed = this.#tablespace === null ? path : join('pg_tblspc', this.#tablespace, path);
    const full = join(this.target, listed);
    if (kind === 'directory') return ensureDirectory(full, 0o700, this.owner);
    this.#file = await createNew(full, mode & 0o700, this.owner);
    this.#hash = createHash('sha256');
    this.#name = listed;
    this.#size = 0;
  }

  async #data(chunk: Buffer): Promise<void> {
    if (!this.#file || !this.#hash) throw new ClusterError('CONFLICT', 'data for what is no file');
    this.#hash.update(chunk);
    this.#size += chunk.length;
    let written = 0;
    while (written < chunk.length) written += (await this.#file.write(chunk, written)).bytesWritten;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (!file || !this.#hash) return;
    await file.close();
    this.#received.set(this.#name, { size: this.#size, sha256: this.#hash.digest('hex') });
  }

  async #linkTablespace(oid: string): Promise<void> {
    const links = join(this.target, 'pg_tblspc');
    const place = join(this.#tablespaces, oid);
    await ensureDirectory(dirname(this.#tablespaces), 0o755, null);
    if (!(await exists(this.#tablespaces))) await mkdir(this.#tablespaces, { mode: 0o700 });
    await ensureDirectory(place, 0o700, this.owner);
    await ensureDirectory(links, 0o700, this.owner);
    await symlink(place, join(links, oid));
    if (this.owner) await lchown(join(links, oid), this.owner.uid, this.owner.gid);
  }

  async abandon(): Promise<void> {
    await this.#file?.close().catch(() => undefined);
    this.#file = null;
  }

  async remove(): Promise<void> {
    await removeTree(this.#tablespaces).catch(() => undefined);
    await removeTree(this.target).catch(() => undefined);
  }

  /** From here on its owner may change everything in it, so we write nothing there any more. */
  async handOver(): Promise<void> {
    if (!this.owner) return;
    if (await exists(this.#tablespaces)) giveDirectorySync(this.#tablespaces, { uid: 0, gid: 0 }, 0o755);
    giveDirectorySync(this.target, this.owner, 0o700);
  }

  async sync(): Promise<void> {
    await syncTree(this.target);
    if (await exists(this.#tablespaces)) await syncTree(this.#tablespaces);
  }

  verify(): void {
    if (!this.#manifest || this.#tar)
      throw new ClusterError('UNAVAILABLE', 'the primary stopped sending before the clone was complete');
    verifyManifest(Buffer.concat(this.#manifest), this.#received);
  }
}
