/**
 * For how long this node joins no promotion: because it confirmed its epoch to a holder that had lost the control store, or because it may have done
 * so before a restart. Invariant: never shorter than the lease that was confirmed. How long that may be is on disk before a confirmation is answered;
 * a node that does not know it (new disk, older release) reads it through the store's leader, and until then waits the longest length allowed.
 */
import { maximumLeaseMs } from '../cluster/core/config-change';
import { type ClusterConfig, type GroupRecord, keys } from '../cluster/model';
import { withTimeout } from '../kernel/waiting';
import { type FailSafeHold, holdAfterRestart, holdToStore, type MemberFacts } from './core/promise';
import type { NodeContext } from './node-context';

const readTimeoutMs = 1_000;

export class RestartHold {
  #hold: FailSafeHold | null;
  /** When this life began and does not know yet how long it must wait. */
  #unknownSince: number | null = null;
  /** In this life. */
  readonly #confirmed = { longestMs: 0, until: 0 };

  constructor(private readonly context: NodeContext) {
    const { loop, durable } = context;
    const { confirmedHoldMs, promisedEpoch } = durable.current;
    const now = loop.now();
    if (confirmedHoldMs === undefined) this.#unknownSince = now;
    this.#hold = holdAfterRestart(now, confirmedHoldMs ?? maximumLeaseMs, promisedEpoch);
  }

  get current(): FailSafeHold | null {
    return this.#hold;
  }

  /** Before the confirmation is answered. A life that does not know yet leaves the disk as it is: the next one does not know either. */
  confirmed(hold: FailSafeHold | null, before: Pick<MemberFacts, 'hold' | 'now'>, holdMs: number): void {
    if (this.#unknownSince === null) {
      const length = holdToStore(this.context.durable.current.confirmedHoldMs, before, holdMs);
      if (length !== null) this.context.durable.saveLengths({ confirmedHoldMs: length });
    }
    this.#hold = hold;
    this.#confirmed.longestMs = Math.max(this.#confirmed.longestMs, holdMs);
    this.#confirmed.until = Math.max(this.#confirmed.until, before.now + holdMs);
  }

  /** Nothing to do once it is known. A store without a majority leaves it unknown, and whoever asks again tries again. */
  async learn(): Promise<void> {
    if (this.#unknownSince === null) return;
    const { store, config, loop, durable } = this.context;
    const read = Promise.all([store.get(keys.group(config.group)), store.get(keys.config)]);
    const found = await withTimeout(loop, read, readTimeoutMs, 'the length of the lease').catch(() => null);
    const since = this.#unknownSince;
    if (found === null || since === null) return;
    const record = found[0]?.value as unknown as GroupRecord | undefined;
    const configured = (found[1]?.value as unknown as ClusterConfig | undefined)?.leaseMs;
    if (configured === undefined) return;
    const length = Math.max(record?.leaseMs ?? 0, configured);
    // First the disk: one that is full leaves it unknown, and whoever asks again tries again.
    durable.saveLengths({ confirmedHoldMs: Math.max(length, this.#confirmed.longestMs) });
    this.#unknownSince = null;
    const hold = holdAfterRestart(since, length, durable.current.promisedEpoch);
    this.#hold = { ...hold, until: Math.max(hold.until, this.#confirmed.until) };
  }
}
