/**
 * One kind of record in the control store, as the console reads and writes it. Reads come from a node's local replica and are kept for a
 * moment, so they work without a majority; writes are compare-and-swap through the leader. Invariant: what this console wrote (or deleted)
 * holds here at once, whatever replica answers next.
 */
import { compareAndSwap } from '@/engine/control/catalog';
import type { Json, KeyValue, Mutation, Txn, TxnResult } from '@/engine/control/store';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineClient } from '@/server/engine-client/api';

const defaultFreshMs = 1000;
const readTimeoutMs = 3000;

type Cached = {
  /** By whole key. */
  readonly entries: ReadonlyMap<string, KeyValue>;
  readonly at: number;
  readonly stamp: string;
};
type Own = { readonly value: Json | null; readonly revision: number };

export type Held<T> = { readonly record: T; readonly modRevision: number };

export class ControlRecords<T> {
  #cached: Cached | null = null;
  #loading: Promise<ReadonlyMap<string, KeyValue>> | null = null;
  /** Our own writes, until a replica shows them; null: deleted. */
  readonly #own = new Map<string, Own>();
  readonly #changed = new Set<() => void>();

  constructor(
    private readonly engine: EngineClient,
    readonly prefix: string,
    private readonly options: { readonly freshMs?: number; readonly onChange?: () => void } = {},
  ) {
    if (options.onChange) this.#changed.add(options.onChange);
  }

  key(id: string): string {
    return this.prefix + id;
  }

  async all(): Promise<readonly T[]> {
    return [...(await this.#read()).values()].map((entry) => entry.value as unknown as T);
  }

  /** All by their id. */
  async byId(): Promise<ReadonlyMap<string, T>> {
    const entries = [...(await this.#read()).values()];
    return new Map(entries.map((one) => [one.key.slice(this.prefix.length), one.value as unknown as T]));
  }

  async get(id: string): Promise<T | null> {
    const entry = (await this.#read()).get(this.key(id));
    return entry ? (entry.value as unknown as T) : null;
  }

  /** As the leader has it. @throws UNAVAILABLE without a majority */
  async held(id: string, timeoutMs?: number): Promise<Held<T> | null> {
    const entry = await this.engine.leader('store.get', { key: this.key(id) }, timeoutMs);
    return entry ? { record: entry.value as unknown as T, modRevision: entry.modRevision } : null;
  }

  async allHeld(): Promise<readonly Held<T>[]> {
    const entries = await this.engine.leader('store.list', { prefix: this.prefix });
    return entries.map((entry) => ({ record: entry.value as unknown as T, modRevision: entry.modRevision }));
  }

  /**
   * What `next` makes of the record as the leader has it; null in: there is none, null out: there shall be none. Once by default, since who asked
   * looked at the record as it was. @throws CONFLICT when somebody else was faster in all `attempts`; what `next` throws
   */
  change<N extends T | null>(
    id: string,
    next: (current: T | null) => N | Promise<N>,
    { attempts = 1, timeoutMs }: { readonly attempts?: number; readonly timeoutMs?: number } = {},
  ): Promise<N> {
    const key = this.key(id);
    return compareAndSwap<N>({
      store: {
        get: () => this.engine.leader('store.get', { key }, timeoutMs),
        txn: (txn) => this.#txn(txn, timeoutMs),
      },
      key,
      decide: async (held) => {
        const record = await next(held === null ? null : (held.value as unknown as T));
        if (record === null) return { mutation: held && this.removing(id), answer: () => record };
        return { mutation: this.putting(id, record), answer: () => record };
      },
      attempts,
      lost: changedMeanwhile,
    });
  }

  /** @throws CONFLICT when it is there already */
  async create(id: string, record: T): Promise<void> {
    if (!(await this.put(id, 0, record))) throw changedMeanwhile();
  }

  /** False: somebody else changed it meanwhile (`modRevision` 0: it is there already). */
  async put(id: string, modRevision: number, record: T, timeoutMs?: number): Promise<boolean> {
    const compare = [{ key: this.key(id), modRevision }];
    return (await this.#txn({ compare, mutations: [this.putting(id, record)] }, timeoutMs)).succeeded;
  }

  /** Several at once, unconditionally; for records where the last writer is right. */
  async write(mutations: readonly Mutation[], timeoutMs?: number): Promise<void> {
    if (mutations.length > 0) await this.#txn({ compare: [], mutations }, timeoutMs);
  }

  putting(id: string, record: T): Mutation {
    return { kind: 'put', key: this.key(id), value: record as unknown as Json };
  }

  removing(id: string): Mutation {
    return { kind: 'delete', key: this.key(id) };
  }

  /** Takes note of a transaction that this console made itself and that touched records of this kind. */
  note(mutations: readonly Mutation[], revision: number): void {
    this.#cached = null;
    for (const one of mutations) {
      if (!one.key.startsWith(this.prefix)) continue;
      this.#own.set(one.key, { value: one.kind === 'put' ? one.value : null, revision });
    }
    for (const listener of this.#changed) listener();
  }

  /** Reads again and tells the listener when something is different. */
  async refresh(): Promise<void> {
    this.#cached = this.#cached === null ? null : { ...this.#cached, at: Number.NEGATIVE_INFINITY };
    await this.#read();
  }

  async #txn(txn: Txn, timeoutMs?: number): Promise<TxnResult> {
    const result = await this.engine.leader('store.txn', txn, timeoutMs);
    this.#cached = null;
    if (result.succeeded) this.note(txn.mutations, result.revision);
    return result;
  }

  async #read(): Promise<ReadonlyMap<string, KeyValue>> {
    const cached = this.#cached;
    if (cached && performance.now() - cached.at < (this.options.freshMs ?? defaultFreshMs)) return cached.entries;
    this.#loading ??= this.#load(cached);
    return this.#loading;
  }

  async #load(known: Cached | null): Promise<ReadonlyMap<string, KeyValue>> {
    try {
      const { entries } = await this.engine.anyNode('store.localList', { prefix: this.prefix }, readTimeoutMs);
      const merged = this.#withOwn(entries);
      let highest = 0;
      for (const one of merged.values()) highest = Math.max(highest, one.modRevision);
      const stamp = `${merged.size}/${highest}`;
      this.#cached = { entries: merged, at: performance.now(), stamp };
      if (known && known.stamp !== stamp) for (const listener of this.#changed) listener();
      return merged;
    } catch (error) {
      if (!known) throw error;
      return known.entries;
    } finally {
      this.#loading = null;
    }
  }

  #withOwn(entries: readonly KeyValue[]): ReadonlyMap<string, KeyValue> {
    const merged = new Map(entries.map((entry) => [entry.key, entry]));
    for (const [key, own] of this.#own) {
      const seen = merged.get(key);
      const shown = own.value === null ? seen === undefined : seen !== undefined && seen.modRevision >= own.revision;
      if (shown || (seen && seen.modRevision > own.revision)) this.#own.delete(key);
      else if (own.value === null) merged.delete(key);
      else merged.set(key, { key, value: own.value, createRevision: own.revision, modRevision: own.revision });
    }
    return merged;
  }
}

function changedMeanwhile(): ClusterError {
  return new ClusterError('CONFLICT', 'Someone else changed it meanwhile; look again and repeat', {
    clusterCode: 'CLU_REVISION_CONFLICT',
  });
}
