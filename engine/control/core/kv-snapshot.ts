/** The state machine as text and back, and what changed between two of them (for watchers after a snapshot was installed). */
import type { Json, KeyValue, WatchEvent } from '../store';
import { emptyKv, type KvState, utf8Length } from './kv';

type Encoded = {
  readonly version: 1;
  readonly revision: number;
  readonly pairs: readonly (readonly [key: string, value: Json, created: number, modified: number])[];
  readonly seen: readonly (readonly [id: string, revision: number])[];
};

export function encodeKv(state: KvState): string {
  const pairs = state.sortedKeys.map((key) => {
    const { value, createRevision, modRevision } = state.values.get(key)!;
    return [key, value, createRevision, modRevision] as const;
  });
  const encoded: Encoded = { version: 1, revision: state.revision, pairs, seen: [...state.seen] };
  return JSON.stringify(encoded);
}

/** Empty text is the empty state. */
export function decodeKv(text: string): KvState {
  const state = emptyKv();
  if (text === '') return state;
  const encoded = JSON.parse(text) as Encoded;
  if (encoded.version !== 1)
    throw new Error(`control store snapshot has version ${String(encoded.version)}, this release reads 1`);
  state.revision = encoded.revision;
  for (const [key, value, createRevision, modRevision] of encoded.pairs) {
    state.values.set(key, { key, value, createRevision, modRevision });
    state.sortedKeys.push(key);
    state.bytes += utf8Length(key) + utf8Length(JSON.stringify(value));
  }
  for (const [id, revision] of encoded.seen) state.seen.set(id, revision);
  return state;
}

/** Changes from `before` to `after` in order of revision, deletions last (when they happened is not known). */
export function differences(before: KvState, after: KvState): readonly WatchEvent[] {
  const changed: KeyValue[] = [];
  for (const pair of after.values.values()) {
    if (before.values.get(pair.key)?.modRevision !== pair.modRevision) changed.push(pair);
  }
  changed.sort((a, b) => a.modRevision - b.modRevision);
  const puts = changed.map(
    ({ key, value, modRevision }): WatchEvent => ({ revision: modRevision, kind: 'put', key, value, modRevision }),
  );
  const gone = before.sortedKeys.filter((key) => !after.values.has(key));
  const revision = after.revision;
  return [
    ...puts,
    ...gone.map((key): WatchEvent => ({ revision, kind: 'delete', key, value: null, modRevision: revision })),
  ];
}
