/**
 * Catalogs: typed records over the control store, one kind of record per prefix. A definition says how its records look, which of their fields are
 * secret and how long they are kept; the catalog reads, checks and changes them.
 *
 * Invariants: two changes of one record never overwrite each other (compare-and-swap); what can't be read is told as broken and never
 * overwritten; a secret is stored sealed and shown by `reveal` only; no id leads out of the prefix; `change` asks at most `attempts` times.
 */
import { isDeepStrictEqual } from 'node:util';
import { ClusterError, invariant } from '../kernel/errors';
import { type Loop, systemLoop } from '../kernel/loop';
import { delay } from '../kernel/waiting';
import {
  formatField,
  isCatalogId,
  isCatalogPrefix,
  isObject,
  type JsonObject,
  marked,
  pageById,
  surplusOf,
  timeOf,
  unknownFields,
  upgraded,
} from './core/catalog-record';
import { checkTxn } from './core/kv-limits';
import { SecretSeal } from './sealed-secrets';
import type { ControlStore, Json, KeyValue, Mutation } from './store';

const attempts = 8;
/** Before the second attempt up to this, before the third up to twice this, …; at most `longestWaitMs`. */
const firstWaitMs = 5;
const longestWaitMs = 200;
const defaultPage = 100;
const longestPage = 1000;
/** Comparing and deleting: two of a transaction's 512 per record. */
const pruneBatch = 200;

/** What a catalog needs of a store; an agent's own store and a console's engine client both give it. */
export type CatalogStore = Pick<ControlStore, 'get' | 'list' | 'txn'> & Partial<Pick<ControlStore, 'watch'>>;

/** A zod schema, or what answers like one. */
export type RecordSchema<T> = {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: T }
    | {
        readonly success: false;
        readonly error: { readonly issues: readonly { readonly path: PropertyKey[]; readonly message: string }[] };
      };
};

/**
 * A secret field: records that are read say only that one is set. Written, `clear` sets another one, `set` keeps the stored one, and a field that
 * is absent or null has none. In a schema: `z.custom<Secret>(isSecret)`.
 */
export type Secret = { readonly set: true } | { readonly clear: string };

export function isSecret(value: unknown): value is Secret {
  if (typeof value !== 'object' || value === null) return false;
  const { set, clear } = value as { readonly set?: unknown; readonly clear?: unknown };
  return set === undefined ? typeof clear === 'string' : set === true && clear === undefined;
}

type SecretNames<T> = {
  [K in keyof T]-?: [NonNullable<T[K]>] extends [Secret] ? K : never;
}[keyof T] &
  string;

export type CatalogDefinition<T extends object> = {
  /** Of one record, for people: `service`. It also separates the keys of secrets, so it never changes. */
  readonly name: string;
  /** `services/`: where the records are. */
  readonly prefix: string;
  /** Not a strict one: fields that a newer release added are kept as they are, and must not break the record. */
  readonly schema: RecordSchema<T>;
  /** Format of the records, 1 by default. */
  readonly version?: number;
  /** Gives the record of format `from` in format `from + 1`. Sealed secrets pass through under their own names. */
  readonly migrate?: (value: JsonObject, from: number) => JsonObject;
  /** Records of the first format are stored without the mark of it, as releases did that had no catalogs. */
  readonly unmarked?: boolean;
  readonly secret?: readonly SecretNames<T>[];
  /** The field that tells whose record it is; lists can be asked for one owner's. */
  readonly owner?: keyof T & string;
  /** `field`: an ISO time or ms since 1970, by which records age; without it the order of creation counts. */
  readonly retention?: { readonly maxEntries?: number; readonly maxAgeMs?: number; readonly field?: keyof T & string };
};

/** `revision`: of the store, at which the record last changed. */
export type Entry<T> = { readonly id: string; readonly record: T; readonly revision: number };
export type BrokenEntry = { readonly id: string; readonly reason: string; readonly revision: number };
export type EntryPage<T> = {
  readonly entries: readonly Entry<T>[];
  readonly broken: readonly BrokenEntry[];
  /** `after` of the following page; null: this is the last one. */
  readonly next: string | null;
};
export type CatalogChange<T> =
  | { readonly kind: 'stored'; readonly entry: Entry<T> }
  | { readonly kind: 'removed'; readonly id: string; readonly revision: number }
  | { readonly kind: 'broken'; readonly broken: BrokenEntry };

type Read<T> = { readonly kind: 'entry'; readonly entry: Entry<T>; readonly fields: JsonObject } | Broken;
type Broken = { readonly kind: 'broken'; readonly broken: BrokenEntry };

/** `answer`: from the revision at which it is stored. Without a mutation nothing is written. */
type Decision<R> = { readonly mutation: Mutation | null; readonly answer: (revision: number) => R };
type Swap<R> = {
  readonly store: Pick<CatalogStore, 'get' | 'txn'>;
  readonly key: string;
  /** What becomes of what is held under the key; asked again when somebody else was faster. */
  readonly decide: (held: KeyValue | null) => Promise<Decision<R>>;
  readonly attempts: number;
  /** What to throw when somebody else was faster each time. */
  readonly lost: () => ClusterError;
  readonly loop?: Loop;
};

/** The one compare-and-swap loop; between its attempts it waits for a random while that grows. */
export async function compareAndSwap<R>({ store, key, decide, ...swap }: Swap<R>): Promise<R> {
  const { attempts, lost, loop = systemLoop } = swap;
  let held = await store.get(key);
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await delay(loop, loop.random() * Math.min(firstWaitMs * 2 ** (attempt - 1), longestWaitMs));
    const { mutation, answer } = await decide(held);
    const modRevision = held?.modRevision ?? 0;
    if (mutation === null) return answer(modRevision);
    const txn = { compare: [{ key, modRevision }], mutations: [mutation] };
    checkTxn(txn, 0);
    const { succeeded, revision, current } = await store.txn(txn);
    if (succeeded) return answer(revision);
    held = current.find((one) => one.key === key) ?? null;
  }
  throw lost();
}

export function defineCatalog<T extends object>(definition: CatalogDefinition<T>): CatalogDefinition<T> {
  const { name, prefix, version = 1, migrate, retention } = definition;
  invariant(isCatalogPrefix(prefix), `catalog ${name}: ${prefix} is no prefix`);
  invariant(Number.isInteger(version) && version >= 1, `catalog ${name}: version ${version}`);
  invariant(version === 1 || migrate !== undefined, `catalog ${name}: nothing brings version 1 to ${version}`);
  invariant(retention?.maxAgeMs === undefined || retention.field !== undefined, `catalog ${name}: what tells the age?`);
  return definition;
}

export class Catalog<T extends object> {
  readonly #seal: SecretSeal | null;
  readonly #secrets: readonly string[];
  readonly #loop: Loop;

  constructor(
    private readonly definition: CatalogDefinition<T>,
    private readonly store: CatalogStore,
    options: { readonly clusterSecret?: string; readonly loop?: Loop } = {},
  ) {
    this.#secrets = definition.secret ?? [];
    const { clusterSecret, loop = systemLoop } = options;
    invariant(this.#secrets.length === 0 || clusterSecret, `catalog ${definition.name} has secrets: which cluster's?`);
    this.#seal = clusterSecret ? new SecretSeal(clusterSecret, definition.name) : null;
    this.#loop = loop;
  }

  /** Null: there is none. @throws INTERNAL for one that is broken, INVALID_INPUT for an id that can't be one */
  async get(id: string): Promise<Entry<T> | null> {
    const held = await this.store.get(this.#key(id));
    return held === null ? null : readable(this.#read(held)).entry;
  }

  /** In order of ids. Broken records take their place in the page; with `owner` they are left out, since nobody knows whose they are. */
  async list(
    asked: { readonly after?: string | null; readonly limit?: number; readonly owner?: string } = {},
  ): Promise<EntryPage<T>> {
    const { after = null, limit = defaultPage, owner } = asked;
    const kept = (await this.store.list(this.definition.prefix)).map((held) => this.#read(held));
    const found = kept.filter((one) => owner === undefined || (one.kind === 'entry' && this.#ownerOf(one) === owner));
    const items = found.map((one) => ({ id: one.kind === 'entry' ? one.entry.id : one.broken.id, one }));
    const page = pageById(items, after, Math.min(Math.max(1, limit), longestPage));
    return {
      entries: page.items.flatMap(({ one }) => (one.kind === 'entry' ? [one.entry] : [])),
      broken: page.items.flatMap(({ one }) => (one.kind === 'broken' ? [one.broken] : [])),
      next: page.next,
    };
  }

  /** @throws CONFLICT when it exists, INVALID_INPUT, PAYLOAD_TOO_LARGE */
  async create(id: string, record: T): Promise<Entry<T>> {
    const { mutation, answer } = this.#putting(id, record, null);
    const txn = { compare: [{ key: mutation.key, modRevision: 0 }], mutations: [mutation] };
    checkTxn(txn, 0);
    const { succeeded, revision } = await this.store.txn(txn);
    if (!succeeded) throw new ClusterError('CONFLICT', `There is a ${this.definition.name} ${id} already`);
    return answer(revision);
  }

  /**
   * What `next` makes of the record as it is; null in: there is none, null out: there shall be none. Asked again when somebody else was faster.
   * Nothing is written when nothing changed. Null: there is none now. @throws CONFLICT after the last attempt; what `next` throws
   */
  async change(
    id: string,
    next: (current: T | null, revision: number) => T | null | Promise<T | null>,
  ): Promise<Entry<T> | null> {
    return this.#swap<Entry<T> | null>(id, async (held) => {
      const before = held === null ? null : readable(this.#read(held));
      const record = await next(before?.entry.record ?? null, before?.entry.revision ?? 0);
      if (record === null) return { mutation: held && deleting(held.key), answer: () => null };
      if (before !== null && isDeepStrictEqual(asStored(record), asStored(before.entry.record))) {
        return { mutation: null, answer: () => before.entry };
      }
      return this.#putting(id, record, before);
    });
  }

  /** Also of a broken one. False: there was none. */
  async remove(id: string): Promise<boolean> {
    return this.#swap(id, async (held) => ({ mutation: held && deleting(held.key), answer: () => held !== null }));
  }

  /** Null: no secret is set. @throws NOT_FOUND, INTERNAL for one that can't be decrypted */
  async reveal(id: string, field: SecretNames<T>): Promise<string | null> {
    invariant(this.#seal && this.#secrets.includes(field), `catalog ${this.definition.name}: ${field} is no secret`);
    const held = await this.store.get(this.#key(id));
    if (held === null) throw new ClusterError('NOT_FOUND', `There is no ${this.definition.name} ${id}`);
    const stored = readable(this.#read(held)).fields[field];
    return isSealed(stored) ? this.#seal.open(stored.sealed, { key: held.key, field }) : null;
  }

  /** Calls back for each change, in order; gives the unsubscribe function. Null: this store can't watch. */
  watch(onChange: (change: CatalogChange<T>) => void): (() => void) | null {
    if (!this.store.watch) return null;
    const { prefix } = this.definition;
    return this.store.watch(prefix, (events) => {
      for (const { kind, key, value, modRevision, revision } of events) {
        if (kind === 'delete') onChange({ kind: 'removed', id: key.slice(prefix.length), revision });
        else {
          const read = this.#read({ key, value, modRevision });
          onChange(read.kind === 'entry' ? { kind: 'stored', entry: read.entry } : read);
        }
      }
    });
  }

  /**
   * Removes what the definition keeps no longer; `now`: ms since 1970. A record that changes meanwhile stays until the next time, a broken one for
   * good. Gives how many were removed.
   */
  async prune(now: number): Promise<number> {
    const { retention, prefix } = this.definition;
    if (!retention) return 0;
    const kept = (await this.store.list(prefix)).flatMap((held) => {
      const read = this.#read(held);
      const at = (record: object) => (retention.field ? timeOf(Reflect.get(record, retention.field)) : null);
      return read.kind === 'entry' ? [{ ...held, at: at(read.entry.record) }] : [];
    });
    const surplus = surplusOf(kept, retention, now);
    let removed = 0;
    for (let from = 0; from < surplus.length; from += pruneBatch) {
      removed += await this.#removeUnchanged(surplus.slice(from, from + pruneBatch));
    }
    return removed;
  }

  /** All at once; when some changed meanwhile, once more without those. */
  async #removeUnchanged(all: readonly KeyValue[]): Promise<number> {
    let left = all;
    for (let attempt = 0; attempt < 2 && left.length > 0; attempt++) {
      const { succeeded, current } = await this.store.txn({
        compare: left.map(({ key, modRevision }) => ({ key, modRevision })),
        mutations: left.map(({ key }) => deleting(key)),
      });
      if (succeeded) return left.length;
      const now = new Map(current.map((one) => [one.key, one.modRevision]));
      left = left.filter((one) => now.get(one.key) === one.modRevision);
    }
    return 0;
  }

  #swap<R>(id: string, decide: Swap<R>['decide']): Promise<R> {
    const lost = () =>
      new ClusterError(
        'CONFLICT',
        `Others changed the ${this.definition.name} ${id} each time before this change was stored; look again and repeat`,
        { clusterCode: 'CLU_REVISION_CONFLICT' },
      );
    return compareAndSwap({ store: this.store, key: this.#key(id), decide, attempts, lost, loop: this.#loop });
  }

  #key(id: string): string {
    if (isCatalogId(id)) return this.definition.prefix + id;
    throw new ClusterError(
      'INVALID_INPUT',
      `${JSON.stringify(id)} can't name a ${this.definition.name}: use a–z, 0–9, "_", "." and "-", at most 63, starting with a letter or digit`,
    );
  }

  #ownerOf({ entry }: { readonly entry: Entry<T> }): unknown {
    return this.definition.owner === undefined ? undefined : entry.record[this.definition.owner];
  }

  #read({ key, value, modRevision: revision }: Pick<KeyValue, 'key' | 'value' | 'modRevision'>): Read<T> {
    const id = key.slice(this.definition.prefix.length);
    const broken = (reason: string): Broken => ({ kind: 'broken', broken: { id, reason, revision } });
    if (!isCatalogId(id)) return broken(`${key} has no id that a ${this.definition.name} can have`);
    const { version = 1, migrate = null, schema } = this.definition;
    const found = upgraded(key, value, { version, migrate });
    if (found.kind === 'broken') return broken(found.reason);
    const { fields } = found;
    const clear = this.#secrets.find((field) => fields[field] != null && !isSealed(fields[field]));
    if (clear !== undefined) return broken(`${key} holds ${clear} unencrypted; set it again`);
    const shown = this.#secrets.filter((field) => isSealed(fields[field])).map((field) => [field, { set: true }]);
    const parsed = schema.safeParse({ ...fields, ...Object.fromEntries(shown) });
    if (!parsed.success) return broken(`${key} is no ${this.definition.name}: ${issuesOf(parsed.error)}`);
    return { kind: 'entry', entry: { id, record: parsed.data, revision }, fields };
  }

  #putting(id: string, record: T, before: Extract<Read<T>, { kind: 'entry' }> | null) {
    const { schema, name, version = 1, unmarked = false } = this.definition;
    const key = this.#key(id);
    const parsed = schema.safeParse(record);
    if (!parsed.success) throw new ClusterError('INVALID_INPUT', `${name} ${id}: ${issuesOf(parsed.error)}`);
    const known = asStored(parsed.data);
    invariant(!(formatField in known), `catalog ${name}: ${formatField} is the catalog's own`);
    const unknown = before === null ? {} : unknownFields(before.fields, before.entry.record);
    const sealed = this.#secrets
      .filter((field) => known[field] != null)
      .map((field) => [field, this.#sealed({ key, field }, known[field]!, before?.fields[field])]);
    const value = marked({ ...unknown, ...known, ...Object.fromEntries(sealed) }, version, unmarked);
    const mutation: Mutation = { kind: 'put', key, value };
    const answer = (revision: number) => readable(this.#read({ key, value, modRevision: revision })).entry;
    return { mutation, answer };
  }

  #sealed(place: { readonly key: string; readonly field: string }, given: Json, stored: Json | undefined): Json {
    if (isObject(given) && typeof given.clear === 'string') {
      return { sealed: this.#seal!.seal(given.clear, place) };
    }
    if (isObject(given) && given.set === true && isSealed(stored)) return stored;
    throw new ClusterError('INVALID_INPUT', `${place.field}: no secret is stored that could be kept; give one`);
  }
}

/** Without fields that JSON does not have. */
function asStored(record: object): JsonObject {
  return JSON.parse(JSON.stringify(record)) as JsonObject;
}

function deleting(key: string): Mutation {
  return { kind: 'delete', key };
}

function readable<T>(read: Read<T>): Extract<Read<T>, { kind: 'entry' }> {
  if (read.kind === 'entry') return read;
  throw new ClusterError('INTERNAL', read.broken.reason);
}

function isSealed(value: Json | undefined): value is { readonly sealed: string } {
  return isObject(value) && typeof value.sealed === 'string';
}

function issuesOf(error: { readonly issues: readonly { readonly path: PropertyKey[]; readonly message: string }[] }) {
  const [first, ...others] = error.issues;
  if (!first) return 'it does not fit';
  const text = `${first.path.length > 0 ? `${first.path.map(String).join('.')}: ` : ''}${first.message}`;
  return others.length > 0 ? `${text} (and ${others.length} more)` : text;
}
