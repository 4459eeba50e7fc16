/**
 * No new sessions while an operation moves the primary away from here. Invariant: it ends with its operation, however that ended: one that failed, or
 * whose word to go on was lost, must not keep a serving primary closed for ever.
 */
import type { GroupRecord } from '../cluster/model';
import type { MonotonicMs } from '../kernel/ids';
import type { Loop } from '../kernel/loop';

/** This node's copy of the record shows the operation sooner than this. */
const unseenMs = 2_000;

export class Drain {
  #by: { readonly operation: string; readonly since: MonotonicMs; seen: boolean } | null = null;

  constructor(
    private readonly loop: Pick<Loop, 'now'>,
    private readonly record: () => Pick<GroupRecord, 'operation'> | null,
  ) {}

  begin(operation: string): void {
    this.#by = { operation, since: this.loop.now(), seen: false };
  }

  end(): void {
    this.#by = null;
  }

  get active(): boolean {
    const by = this.#by;
    if (by === null) return false;
    if (this.record()?.operation === by.operation) by.seen = true;
    else if (by.seen || this.loop.now() - by.since > unseenMs) this.#by = null;
    return this.#by !== null;
  }
}
