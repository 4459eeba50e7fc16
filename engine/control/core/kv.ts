/**
 * The replicated state machine: keys, revisions, compare-and-swap. A pure function of the entries applied, so every replica holds the same.
 * The state is changed in place (it may be 64 MB); its owner applies one entry at a time. An image of it costs nothing (`imageOf`).
 *
 * Invariants: a transaction applies wholly or not at all; a revision is used once; what a replica refuses, every replica refuses; a transaction id
 * is decided at most once among the last `seenLimit`, so a repeated request is answered and not repeated.
 */
import type { Json, KeyValue, LeaseGuard, Txn, TxnResult, WatchEvent } from '../store';
import { emptyTree, type KeyTree, pairsFrom, withoutKey, withPair } from './key-tree';

export const limits = {
  /** A value in JSON, bytes of UTF-8. */
  maxValueBytes: 256 * 1024,
  maxStateBytes: 64 * 1024 * 1024,
  maxTxnBytes: 1024 * 1024,
  maxKeyBytes: 512,
  maxMutations: 512,
  seenLimit: 4096,
} as const;

export type KvState = {
  revision: number;
  readonly values: Map<string, KeyValue>;
  /** The same pairs in order of their keys, for listing by prefix and for images. */
  tree: KeyTree;
  /** Bytes of all keys and values, and of each pair: a value is measured once, when it comes. */
  bytes: number;
  readonly sizes: Map<string, number>;
  /** Id of each recent transaction → its revision, −1 for a failed compare; oldest first. */
  readonly seen: Map<string, number>;
  /** How many are remembered; the same on every member. */
  readonly seenLimit: number;
};

/** What stands in a log entry. */
export type Command = { readonly id: string; readonly txn: Txn };

export type Applied =
  | { readonly kind: 'done'; readonly result: TxnResult; readonly events: readonly WatchEvent[] }
  | { readonly kind: 'refused'; readonly reason: 'state-full' | 'lease-held' };

export function emptyKv(seenLimit: number = limits.seenLimit): KvState {
  return { revision: 0, values: new Map(), tree: emptyTree, bytes: 0, sizes: new Map(), seen: new Map(), seenLimit };
}

export function applyCommand(state: KvState, command: Command): Applied {
  const { id, txn } = command;
  const known = state.seen.get(id);
  if (known !== undefined) {
    const result = {
      succeeded: known >= 0,
      revision: known >= 0 ? known : state.revision,
      current: currentOf(state, txn),
    };
    return { kind: 'done', result, events: [] };
  }
  if (txn.leaseGuard && !guardStillFits(state, txn.leaseGuard)) return { kind: 'refused', reason: 'lease-held' };
  const holds = txn.compare.every((item) => (state.values.get(item.key)?.modRevision ?? 0) === item.modRevision);
  if (!holds) return failed(state, command);
  const sizes = txn.mutations.map((mutation) =>
    mutation.kind === 'put' ? pairBytes(mutation.key, mutation.value) : 0,
  );
  const growth = growthOf(state, txn, sizes);
  if (growth > 0 && state.bytes + growth > limits.maxStateBytes) return { kind: 'refused', reason: 'state-full' };
  const revision = state.revision + 1;
  const events: WatchEvent[] = [];
  for (const [at, mutation] of txn.mutations.entries()) {
    if (mutation.kind === 'put') events.push(put(state, mutation, revision, sizes[at]!));
    else if (state.values.has(mutation.key)) events.push(remove(state, mutation.key, revision));
  }
  if (events.length > 0) state.revision = revision;
  remember(state, id, state.revision);
  return {
    kind: 'done',
    result: { succeeded: true, revision: state.revision, current: currentOf(state, txn) },
    events,
  };
}

/** The guard was checked against the clock when the entry was appended; here only that it still speaks of the same lease. */
function guardStillFits(state: KvState, guard: LeaseGuard): boolean {
  const record = groupLease(state.values.get(`groups/${guard.group}`)?.value);
  return record === null || record.epoch === guard.epoch || record.free;
}

export type GroupLease = {
  readonly epoch: number;
  readonly primary: string | null;
  readonly free: boolean;
  /** How long it lasts; null: the record does not say (an older release granted it). */
  readonly leaseMs: number | null;
};

/** The lease fields of a group record (`epoch`, `primary`, `leaseReleased`, `leaseMs`); null: no such record. */
export function groupLease(value: Json | undefined): GroupLease | null {
  if (value === undefined || value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const record = value as { readonly [key: string]: Json };
  const epoch = typeof record.epoch === 'number' ? record.epoch : 0;
  const primary = typeof record.primary === 'string' ? record.primary : null;
  const leaseMs = typeof record.leaseMs === 'number' && record.leaseMs > 0 ? record.leaseMs : null;
  return { epoch, primary, free: primary === null || record.leaseReleased === true, leaseMs };
}

function failed(state: KvState, { id, txn }: Command): Applied {
  // A late copy of this request must not succeed after its caller was told that it failed.
  remember(state, id, -1);
  return {
    kind: 'done',
    result: { succeeded: false, revision: state.revision, current: currentOf(state, txn) },
    events: [],
  };
}

function currentOf(state: KvState, txn: Txn): readonly KeyValue[] {
  return txn.compare.flatMap((item) => state.values.get(item.key) ?? []);
}

function growthOf(state: KvState, txn: Txn, sizes: readonly number[]): number {
  let growth = 0;
  for (const [at, mutation] of txn.mutations.entries()) growth += sizes[at]! - (state.sizes.get(mutation.key) ?? 0);
  return growth;
}

function put(
  state: KvState,
  { key, value }: { readonly key: string; readonly value: Json },
  revision: number,
  bytes: number,
): WatchEvent {
  const createRevision = state.values.get(key)?.createRevision ?? revision;
  addPair(state, { key, value, createRevision, modRevision: revision }, bytes);
  return { revision, kind: 'put', key, value, modRevision: revision };
}

/** `bytes`: of its key, and of its value in JSON. */
export function addPair(state: KvState, pair: KeyValue, bytes: number): void {
  state.bytes += bytes - (state.sizes.get(pair.key) ?? 0);
  state.sizes.set(pair.key, bytes);
  state.values.set(pair.key, pair);
  state.tree = withPair(state.tree, pair);
}

function remove(state: KvState, key: string, revision: number): WatchEvent {
  state.bytes -= state.sizes.get(key)!;
  state.sizes.delete(key);
  state.values.delete(key);
  state.tree = withoutKey(state.tree, key);
  return { revision, kind: 'delete', key, value: null, modRevision: revision };
}

function remember(state: KvState, id: string, revision: number): void {
  state.seen.set(id, revision);
  if (state.seen.size <= state.seenLimit) return;
  for (const oldest of state.seen.keys()) {
    state.seen.delete(oldest);
    return;
  }
}

export function listKeys(state: KvState, prefix: string): readonly KeyValue[] {
  const found: KeyValue[] = [];
  for (const pair of pairsFrom(state.tree, prefix)) {
    if (!pair.key.startsWith(prefix)) break;
    found.push(pair);
  }
  return found;
}

/** What the state is now, and stays while the state goes on. Its cost does not depend on the size of the state. */
export type KvImage = {
  readonly revision: number;
  readonly tree: KeyTree;
  readonly seen: readonly (readonly [id: string, revision: number])[];
};

export function imageOf(state: KvState): KvImage {
  return { revision: state.revision, tree: state.tree, seen: [...state.seen] };
}

export function pairBytes(key: string, value: Json): number {
  return utf8Length(key) + utf8Length(JSON.stringify(value));
}

/** Bytes of `text` in UTF-8. Node's own count: a loop over the characters held the agent's thread for 36 ms at 200 KB. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}
