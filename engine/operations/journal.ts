/**
 * The journal of one running operation: its record in the control store, written by compare-and-swap so that only one controller can go on with
 * it, together with the group's lock. Invariant: an effect begins only after the entry that says so was committed. A lost answer is looked up,
 * never guessed.
 */

import { type GroupRecord, keys } from '../cluster/model';
import type { Compare, ControlStore, Json, Mutation } from '../control/store';
import { ClusterError, isClusterError } from '../kernel/errors';
import type { Loop } from '../kernel/loop';
import { delay } from '../kernel/waiting';
import { canonical } from './core/plan';
import type { Operation } from './model';

/** Another controller goes on with this operation; this one must do nothing more. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** What the first entry claims was claimed by another operation; nothing was written. */
export class ClaimTaken extends Error {
  override readonly name = 'ClaimTaken';
}

/** Written together with the first entry of an operation, or not at all (an idempotency key). */
export type Claim = { readonly compare: Compare; readonly mutation: Mutation };

export type GroupChange = (record: GroupRecord) => GroupRecord;

const maxConflicts = 20;
const maxUnavailable = 50;

export class OperationJournal {
  #operation: Operation;
  #revision: number;

  constructor(
    private readonly world: { readonly store: ControlStore; readonly loop: Loop },
    operation: Operation,
    /** modRevision of the record; 0: not written yet. */
    revision: number,
    private readonly signal: AbortSignal,
  ) {
    this.#operation = operation;
    this.#revision = revision;
  }

  get operation(): Operation {
    return this.#operation;
  }

  /** Commits `next`, and with it `change` of the group record and `claim`. @throws ClaimTaken */
  async write(next: Operation, change: GroupChange | null = null, claim: Claim | null = null): Promise<void> {
    const key = keys.operation(next.id);
    let unavailable = 0;
    for (let conflicts = 0; conflicts < maxConflicts; ) {
      if (this.signal.aborted) throw new Superseded(`${next.id}: this controller stopped leading`);
      const group = change && next.group !== null ? this.#group(next.group) : null;
      const compare: Compare[] = [{ key, modRevision: this.#revision }];
      const mutations: Mutation[] = [{ kind: 'put', key, value: next as unknown as Json }];
      if (claim) {
        compare.push(claim.compare);
        mutations.push(claim.mutation);
      }
      if (change && group) {
        compare.push({ key: keys.group(group.record.name), modRevision: group.modRevision });
        mutations.push({
          kind: 'put',
          key: keys.group(group.record.name),
          value: change(group.record) as unknown as Json,
        });
      }
      try {
        const result = await this.world.store.txn({ compare, mutations });
        if (result.succeeded) return this.#accept(next, result.revision);
        const mine = result.current.find((entry) => entry.key === key);
        if ((mine?.modRevision ?? 0) !== this.#revision) return await this.#lookUp(next);
        const claimed = result.current.find((entry) => entry.key === claim?.compare.key);
        if (claim && (claimed?.modRevision ?? 0) !== claim.compare.modRevision) throw new ClaimTaken(claim.compare.key);
        conflicts++;
        await delay(this.world.loop, 2, this.signal);
      } catch (error) {
        if (!isClusterError(error) || !error.retryable || ++unavailable > maxUnavailable) throw error;
        await delay(this.world.loop, 20, this.signal);
        if (await this.#isWritten(next)) return;
      }
    }
    throw new ClusterError('CONFLICT', `The record of group ${next.group} kept changing under operation ${next.id}.`);
  }

  #group(name: string): { record: GroupRecord; modRevision: number } | null {
    const entry = this.world.store.localGet(keys.group(name));
    return entry ? { record: entry.value as unknown as GroupRecord, modRevision: entry.modRevision } : null;
  }

  #accept(next: Operation, revision: number): void {
    this.#operation = next;
    this.#revision = revision;
  }

  /** The record changed under us: by our own transaction whose answer was lost, or by another controller. */
  async #lookUp(next: Operation): Promise<void> {
    if (await this.#isWritten(next)) return;
    throw new Superseded(`${next.id}: another controller goes on with it`);
  }

  async #isWritten(next: Operation): Promise<boolean> {
    const entry = await this.world.store.get(keys.operation(next.id)).catch(() => null);
    if (!entry || canonical(entry.value) !== canonical(next)) return false;
    this.#accept(next, entry.modRevision);
    return true;
  }
}
