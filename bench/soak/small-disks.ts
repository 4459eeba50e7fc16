/**
 * File systems of their own for the nodes of one group, so that a disk can be full without filling the host's: the node's directory (PostgreSQL with its
 * WAL, and the small durable files) and, in it, the log of the control store. Full means that the file system is made as small as what it holds: nothing
 * has to be written for it, and what is deleted meanwhile makes no room. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { delay, type RealCluster } from '../../engine/testing/real-cluster';

const nodeMegabytes = 4_096;
const logMegabytes = 256;
const shrinkEveryMs = 50;

type Disk = { readonly path: string; readonly megabytes: number };

export class SmallDisks {
  readonly #disks: Disk[] = [];

  private constructor(readonly nodes: readonly string[]) {}

  /** Before the first start; null where this user may not mount. */
  static mount(cluster: RealCluster, nodes: readonly string[]): SmallDisks | null {
    if (process.getuid?.() !== 0 || process.platform !== 'linux') return null;
    const disks = new SmallDisks(nodes);
    try {
      for (const node of nodes) {
        const directory = cluster.nodeDirectory(node);
        disks.#mount({ path: directory, megabytes: nodeMegabytes }, '755');
        disks.#mount({ path: join(directory, 'raft'), megabytes: logMegabytes }, '700');
      }
      const full = join(cluster.dataDirectory, 'full');
      disks.#mount({ path: full, megabytes: 1 }, '700');
      writeFileSync(join(full, 'filler'), Buffer.alloc(64 << 10));
      shrink(full);
      return disks;
    } catch {
      disks.unmount();
      return null;
    }
  }

  #mount(disk: Disk, mode: string): void {
    mkdirSync(disk.path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${disk.megabytes}m,mode=${mode}`, 'tmpfs', disk.path]);
    this.#disks.push(disk);
  }

  /** The node's whole disk but for the store's log: WAL, tables, promise. */
  nodeFull<T>(cluster: RealCluster, node: string, meanwhile: () => Promise<T>): Promise<T> {
    return this.#full(cluster.nodeDirectory(node), meanwhile);
  }

  logFull<T>(cluster: RealCluster, node: string, meanwhile: () => Promise<T>): Promise<T> {
    return this.#full(join(cluster.nodeDirectory(node), 'raft'), meanwhile);
  }

  /** Only the file that the node's promise is written to lies on a full disk. */
  async promiseFull<T>(cluster: RealCluster, nodes: readonly string[], meanwhile: () => Promise<T>): Promise<T> {
    const links = nodes.map((node) => join(cluster.nodeDirectory(node), 'member-state.json.new'));
    for (const [index, link] of links.entries()) {
      rmSync(link, { force: true });
      symlinkSync(join(cluster.dataDirectory, 'full', nodes[index] as string), link);
    }
    try {
      return await meanwhile();
    } finally {
      for (const link of links) rmSync(link, { force: true });
    }
  }

  async #full<T>(path: string, meanwhile: () => Promise<T>): Promise<T> {
    const { megabytes } = this.#disks.find((disk) => disk.path === path) as Disk;
    const timer = setInterval(() => shrink(path), shrinkEveryMs);
    try {
      shrink(path);
      await delay(shrinkEveryMs);
      return await meanwhile();
    } finally {
      clearInterval(timer);
      resize(path, megabytes * 2 ** 20);
    }
  }

  /** What is on them stays, on the disk below: it is the evidence. */
  keep(): void {
    for (const { path } of [...this.#disks].reverse()) {
      const copy = `${path}.kept`;
      execFileSync('cp', ['-a', path, copy]);
      execFileSync('umount', ['-l', path]);
      rmSync(path, { recursive: true, force: true });
      renameSync(copy, path);
    }
    this.#disks.length = 0;
  }

  unmount(): void {
    for (const { path } of [...this.#disks].reverse()) execFileSync('umount', ['-l', path]);
    this.#disks.length = 0;
  }
}

/** What it holds may grow in between: then the next look has it. */
function shrink(path: string): void {
  const { blocks, bfree, bsize } = statfsSync(path);
  if (bfree === 0) return;
  try {
    resize(path, (blocks - bfree) * bsize);
  } catch {
    // Refused when it has grown.
  }
}

function resize(path: string, bytes: number): void {
  execFileSync('mount', ['-o', `remount,size=${bytes}`, path], { stdio: 'ignore' });
}
