/**
 * The record's primary after it gave its lease back. Whoever takes over does so at once; when nobody can (voters are lost, their servers are down), this
 * node has everything and goes on itself. Invariants: it does so only while no operation has the group and while its data directory is fit to
 * serve, by a grant
 * of the next epoch; a server that does not come up although it is granted again and again is tried more and more seldom.
 */
import type { GroupRecord } from '../cluster/model';
import type { MonotonicMs } from '../kernel/ids';
import type { Loop } from '../kernel/loop';
import type { LeaseHolder } from './lease-holder';

/** An operation that takes the lease over begins sooner than this. */
const abandonedAfterMs = 4_000;
const longestWaitMs = 64_000;

export class GivenBack {
  #since: MonotonicMs | null = null;
  /** How often the lease was taken back since the server last served. */
  #tries = 0;

  constructor(
    private readonly loop: Loop,
    private readonly lease: LeaseHolder,
    /** Null: its data directory is fit to serve the group. */
    private readonly unfit: (record: GroupRecord) => Promise<string | null>,
    private readonly takeBack: () => Promise<void>,
  ) {}

  /** The record does not say so (any more). */
  isOver(): void {
    this.#since = null;
  }

  /** The server serves as primary: the next loss is a new one. */
  serves(): void {
    this.#tries = 0;
  }

  /** What it waits for, in words. */
  async look(record: GroupRecord): Promise<string> {
    // Resumed from an older copy of the record: whoever holds nothing may promise.
    if (this.lease.epoch === record.epoch) this.lease.input({ kind: 'released', epoch: record.epoch });
    const unfit = await this.unfit(record);
    if (unfit !== null) {
      this.#since = null;
      return `the lease was given back, because ${unfit}: waits until another node is primary`;
    }
    const now = this.loop.now();
    if (record.operation !== null) this.#since = null;
    else this.#since ??= now;
    const waitMs = Math.min(abandonedAfterMs * 2 ** this.#tries, longestWaitMs);
    if (this.#since !== null && now - this.#since >= waitMs) {
      this.#since = null;
      this.#tries++;
      await this.takeBack();
    }
    return 'the lease was given back: waits for the next primary';
  }
}
