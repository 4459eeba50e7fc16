/**
 * A server that somebody promoted by hand has a history of its own, and its timeline may have the number that a granted promotion took at the same time:
 * then no comparison of numbers or positions tells the two apart. Only here it is known, so it is written down before the server is stopped or its files
 * are made a standby's again. Invariant: until it is copied anew, such a member promises nothing, over restarts too.
 */
import { type GroupRecord, keys } from '../cluster/model';
import { promotedByHand } from './fork-check';
import type { NodeContext } from './node-context';
import { otherSystem } from './primary-directory';

type Parts = Pick<NodeContext, 'config' | 'durable' | 'postgres' | 'logger' | 'store'>;

export class HandPromotion {
  constructor(private readonly context: Parts) {}

  /** Null: none is known. */
  get sentence(): string | null {
    const timeline = this.context.durable.current.byHandTimeline ?? 0;
    const { nodeId } = this.context.config;
    return timeline === 0
      ? null
      : `PostgreSQL of ${nodeId} was promoted by hand (to timeline ${timeline}). ${nodeId} is copied anew from the primary; what was written on it since is given up.`;
  }

  /**
   * A server that runs as primary on this timeline, or did so last, while the record names another node. False: the store could not be asked, so
   * nothing may be done yet that wipes the trace.
   */
  async note(known: GroupRecord, timeline: number | null): Promise<boolean> {
    const { config, durable, logger } = this.context;
    const record = await this.#notOlderThanOwnGrant(known);
    if (record === null) return false;
    if (timeline === null || record.primary === config.nodeId || durable.current.byHandTimeline === timeline)
      return true;
    if (promotedByHand(record, config.nodeId, timeline) === null) return true;
    durable.saveByHand(timeline);
    logger.warn({ timeline }, 'PostgreSQL was promoted by hand: this member promises nothing until it is copied anew');
    return true;
  }

  /** An older copy of the record does not know of the grant that this node may have had since. Null: it can't be told now. */
  async #notOlderThanOwnGrant(known: GroupRecord): Promise<GroupRecord | null> {
    const { durable, store, config } = this.context;
    if (durable.current.lastHeldEpoch <= known.epoch) return known;
    const found = await store.get(keys.group(config.group)).catch(() => null);
    return (found?.value as unknown as GroupRecord | undefined) ?? null;
  }

  /** The same of a server that does not run, by its files. */
  async noteFiles(record: GroupRecord): Promise<boolean> {
    const found = await this.context.postgres.inspect().catch(() => null);
    if (found?.kind !== 'present' || found.standbySignal) return true;
    // Somebody else's data says nothing of this group's member; it is refused, and nothing is copied over it.
    if (otherSystem(this.context, record, found.control.systemIdentifier) !== null) return true;
    return this.note(record, found.control.timeline);
  }

  /** Its data is a copy of the primary's now. */
  copied(): void {
    if (this.sentence !== null) this.context.durable.saveByHand(0);
  }
}
