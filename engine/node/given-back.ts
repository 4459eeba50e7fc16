/**
 * The record's primary after it gave its lease back. Whoever takes over does so at once; when nobody can (voters are lost, their servers are down), this
 * node has everything and goes on itself. Invariant: it does so only while no operation has the group, by a grant of the next epoch.
 */
import type { GroupRecord } from '../cluster/model';
import type { MonotonicMs } from '../kernel/ids';
import type { Loop } from '../kernel/loop';
import type { LeaseHolder } from './lease-holder';

/** An operation that takes the lease over begins sooner than this. */
const abandonedAfterMs = 4_000;

export class GivenBack {
  #since: MonotonicMs | null = null;

  constructor(
    private readonly loop: Loop,
    private readonly lease: LeaseHolder,
    private readonly takeBack: () => Promise<void>,
  ) {}

  /** The record does not say so (any more). */
  isOver(): void {
    this.#since = null;
  }

  async look(record: GroupRecord): Promise<void> {
    // Resumed from an older copy of the record: whoever holds nothing may promise.
    if (this.lease.epoch === record.epoch) this.lease.input({ kind: 'released', epoch: record.epoch });
    const now = this.loop.now();
    if (record.operation !== null) this.#since = null;
    else this.#since ??= now;
    if (this.#since === null || now - this.#since < abandonedAfterMs) return;
    this.#since = null;
    await this.takeBack();
  }
}
