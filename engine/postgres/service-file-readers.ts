/** Which postmasters have the service file in their environment: those of this release. One that an earlier release started has not, until its next start. */
import { environmentOf } from './processes';

export class ServiceFileReaders {
  #known: { readonly pid: number; readonly reads: boolean } | null = null;

  constructor(private readonly serviceFile: string | undefined) {}

  /** Started by this process. */
  launched(pid: number | null): void {
    if (pid !== null) this.#known = { pid, reads: this.serviceFile !== undefined };
  }

  /** Null: the next one that is started. What can't be looked at counts as one that does not. */
  reads(pid: number | null): boolean {
    if (pid === null || this.serviceFile === undefined) return this.serviceFile !== undefined;
    if (this.#known?.pid !== pid) {
      const reads = environmentOf(pid)?.includes(`PGSERVICEFILE=${this.serviceFile}`) === true;
      this.#known = { pid, reads };
    }
    return this.#known.reads;
  }
}
