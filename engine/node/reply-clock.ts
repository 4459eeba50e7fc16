/**
 * Since when each standby has been silent, from the time stamps of its replies. Invariant: only a reply with another time stamp counts as heard; looking
 * at the same report again, or later, never does.
 */
import type { ReplicationSender } from '../cluster/model';
import type { NodeId } from '../kernel/ids';

export class ReplyClock {
  readonly #lastReply = new Map<NodeId, number>();
  readonly #heardAt = new Map<NodeId, number>();
  #since = 0;

  /** Nobody counts as silent for longer than since `now`. */
  begin(now: number): void {
    this.#since = now;
    this.#lastReply.clear();
    this.#heardAt.clear();
  }

  /** `sender` as the primary sees it; undefined: not connected. */
  look(node: NodeId, sender: ReplicationSender | undefined, now: number): void {
    if (sender?.state !== 'streaming') return;
    const reply = sender.repliedAt ?? now;
    if (this.#lastReply.get(node) === reply) return;
    this.#lastReply.set(node, reply);
    this.#heardAt.set(node, now);
  }

  silentMs(node: NodeId, now: number): number {
    return Math.max(0, now - (this.#heardAt.get(node) ?? this.#since));
  }

  heardWithin(ms: number, now: number): readonly NodeId[] {
    return [...this.#heardAt].filter(([, at]) => now - at < ms).map(([node]) => node);
  }
}
