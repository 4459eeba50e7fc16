/**
 * A node whose disk is new may have promised something on the one before. Invariant: until no promotion can rely on that promise it neither promises nor
 * follows. As a member of S it writes itself out by a compare-and-swap on the group record: a grant that counted on the lost promise then
 * fails on its revision. What it did is on disk, so a crash in between begins again.
 */
import { withoutLostVoter } from '../cluster/core/voter-set';
import { type GroupRecord, keys } from '../cluster/model';
import type { Json, KeyValue, Txn, TxnResult } from '../control/store';
import { messageOf } from '../kernel/errors';
import { groupFact, type NodeContext } from './node-context';

const questionTimeoutMs = 1_500;
const maximumTries = 8;

export class NewDisk {
  #complained = '';

  constructor(private readonly context: NodeContext) {}

  get lostVoter(): boolean {
    return !this.context.durable.settled;
  }

  /** One try; whoever needs it asks again. The record is read and written through the store's leader, for the replica here is as new as the disk. */
  async settle(): Promise<void> {
    const { durable, config, logger } = this.context;
    if (durable.settled || groupFact(this.context) === null) return;
    const key = keys.group(config.group);
    try {
      for (let attempt = 0; attempt < maximumTries; attempt++) {
        const entry = await this.#get(key);
        if (entry === null) return;
        const record = entry.value as unknown as GroupRecord;
        const change = withoutLostVoter(record, config.nodeId);
        if (change === null) return durable.settle();
        const mutation = { kind: 'put', key, value: { ...record, ...change } as unknown as Json } as const;
        const { succeeded } = await this.#txn({
          compare: [{ key, modRevision: entry.modRevision }],
          mutations: [mutation],
        });
        if (!succeeded) continue;
        logger.warn(
          { group: config.group },
          'this node lost its disk and its promises: it took itself out of the voters',
        );
        return durable.settle();
      }
    } catch (error) {
      const message = messageOf(error);
      if (message !== this.#complained) {
        logger.info({ error: message }, 'the voters can not be asked yet whether this new disk is missed');
      }
      this.#complained = message;
    }
  }

  /** A node that is no member of the store yet reaches its leader through any member. */
  async #get(key: string): Promise<KeyValue | null> {
    return this.context.store.get(key).catch((error: unknown) => this.#askPeers('engine.store.get', { key }, error));
  }

  async #txn(txn: Txn): Promise<TxnResult> {
    return this.context.store.txn(txn).catch((error: unknown) => this.#askPeers('engine.store.txn', txn, error));
  }

  async #askPeers<T>(method: string, payload: unknown, first: unknown): Promise<T> {
    let last = first;
    for (const peer of this.context.interconnect.peers()) {
      try {
        return await this.context.interconnect.request<T>(peer, method, payload, { timeoutMs: questionTimeoutMs });
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }
}
