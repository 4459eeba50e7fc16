/**
 * Which standbys say that their replay stands for good: PostgreSQL paused it because the primary runs with more of a setting than they do. Such a member holds
 * the WAL and can't be promoted with it, and in `synchronous` every commit would wait for it. Its own agent restarts it with enough, which takes a moment:
 * only what has lasted a lease counts, and no longer than it is repeated.
 */
import type { MonotonicMs, NodeId } from '../../kernel/ids';

export class ReplayStands {
  readonly #told = new Map<NodeId, { readonly since: MonotonicMs; readonly last: MonotonicMs }>();

  told(node: NodeId, now: MonotonicMs, leaseMs: number): void {
    const before = this.#told.get(node);
    const goesOn = before !== undefined && now - before.last <= 2 * leaseMs;
    this.#told.set(node, { since: goesOn ? before.since : now, last: now });
  }

  stands(node: NodeId, now: MonotonicMs, leaseMs: number): boolean {
    const told = this.#told.get(node);
    return told !== undefined && now - told.last <= 2 * leaseMs && now - told.since >= leaseMs;
  }
}
