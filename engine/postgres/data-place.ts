/**
 * The directory that one server works in, known by more than its path. Invariant: a server whose directory was moved away or removed under it is not
 * "gone": it goes on serving from where it is until it looks for its files, so it is still found and still killed.
 * No dependencies but Node's own modules: the guardian uses this file too.
 */
import {
  type DirectoryIdentity,
  identityOf,
  isSameDirectory,
  killAllIn,
  nothingRunsIn,
  processesIn,
  waitUntilGone,
} from './processes';

export class DataPlace {
  #earlier: DirectoryIdentity | null = null;

  constructor(private readonly path: string) {}

  /** A server began here; where this one works says more than the path does. Null: it is not known by its pid. */
  remember(pid: number | null): void {
    this.#earlier = (pid === null ? null : identityOf(`/proc/${pid}/cwd`)) ?? identityOf(this.path);
  }

  /** The path leads elsewhere than to where the server works, or nowhere. */
  get left(): boolean {
    return this.#earlier !== null && !isSameDirectory(this.#earlier, identityOf(this.path));
  }

  processes(): number[] {
    return processesIn(this.path, this.#earlier);
  }

  nothingRuns(): boolean {
    const nothing = nothingRunsIn(this.path, this.#earlier);
    // Its inode may belong to somebody else from now on.
    if (nothing && this.left) this.#earlier = null;
    return nothing;
  }

  killAll(timeoutMs: number): Promise<boolean> {
    return killAllIn(this.path, timeoutMs, this.#earlier);
  }

  untilGone(timeoutMs: number): Promise<boolean> {
    return waitUntilGone(this.path, timeoutMs, this.#earlier);
  }
}
