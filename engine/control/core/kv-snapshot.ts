/**
 * The state machine as text and back, a part at a time, and what changed between two of them (for watchers after a snapshot was installed). Each is a
 * generator: whoever drives it may let other work in between two parts, so that no size of the state blocks a thread.
 *
 * The parts joined are the text of version 1 as every release since the first has written it; parts cut anywhere are read.
 */
import type { Json, KeyValue, WatchEvent } from '../store';
import { type KeyTree, pairsFrom } from './key-tree';
import { addPair, emptyKv, type KvImage, type KvState, utf8Length } from './kv';

type EncodedPair = readonly [key: string, value: Json, created: number, modified: number];

/** At least one pair each, and as many as `partChars` hold. */
export function* encodeParts(image: KvImage, partChars: number): Generator<string, void> {
  let part = `{"version":1,"revision":${image.revision},"pairs":[`;
  let first = true;
  for (const { key, value, createRevision, modRevision } of pairsFrom(image.tree, '')) {
    const text = JSON.stringify([key, value, createRevision, modRevision] satisfies EncodedPair);
    if (part.length + text.length > partChars && !first) {
      yield part;
      part = '';
    }
    part += first ? text : `,${text}`;
    first = false;
  }
  yield part;
  yield* seenParts(image.seen, partChars);
}

function* seenParts(seen: KvImage['seen'], partChars: number): Generator<string, void> {
  let part = '],"seen":[';
  for (const [at, item] of seen.entries()) {
    part += `${at === 0 ? '' : ','}${JSON.stringify(item)}`;
    if (part.length < partChars) continue;
    yield part;
    part = '';
  }
  yield `${part}]}`;
}

/** Characters of text that one step of a decoder looks at, at most. */
const stepChars = 64 << 10;

/** Yields the characters it has worked on since it last did. No parts, or empty text, are the empty state. */
export function* decodeParts(parts: readonly string[], seenLimit?: number): Generator<number, KvState> {
  const state = emptyKv(seenLimit);
  if (parts.every((part) => part === '')) return state;
  const scanner = new PairScanner();
  for (const part of parts) {
    for (let at = 0; at < part.length; at += stepChars) {
      const text = part.slice(at, at + stepChars);
      for (const { text: pairText, pair } of scanner.take(text)) addPair(state, pair, bytesOf(pairText, pair));
      yield text.length;
    }
  }
  const { revision, seen } = scanner.end();
  state.revision = revision;
  for (const [id, at] of seen) state.seen.set(id, at);
  return state;
}

/** The bytes of key and value, from the text of the pair: what stands around them in it is known. */
function bytesOf(text: string, { key, createRevision, modRevision }: KeyValue): number {
  const around = utf8Length(JSON.stringify([key, createRevision, modRevision])) + 1;
  return utf8Length(text) - around + utf8Length(key);
}

const head = /^\{"version":(\d+),"revision":(\d+),"pairs":\[/;
const longestHead = 80;

type ScannedPair = { readonly text: string; readonly pair: KeyValue };

/** Finds whole pairs in text that comes in pieces: counts brackets outside strings, and leaves the rest to JSON. */
class PairScanner {
  #revision: number | null = null;
  /** Text that holds no whole pair yet; after the last pair, the rest of the snapshot. */
  #rest = '';
  /** Up to here `#rest` was looked at. */
  #at = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #pairsOver = false;

  take(text: string): readonly ScannedPair[] {
    this.#rest += text;
    if (this.#revision === null && !this.#readHead()) return [];
    if (this.#pairsOver) return [];
    const found: ScannedPair[] = [];
    let start = 0;
    for (const end of this.#pairEnds()) {
      const pairText = this.#rest.slice(this.#rest[start] === ',' ? start + 1 : start, end);
      const [key, value, createRevision, modRevision] = JSON.parse(pairText) as EncodedPair;
      found.push({ text: pairText, pair: { key, value, createRevision, modRevision } });
      start = end;
    }
    this.#rest = this.#rest.slice(start);
    this.#at -= start;
    return found;
  }

  end(): { readonly revision: number; readonly seen: readonly (readonly [string, number])[] } {
    if (this.#revision === null || !this.#pairsOver)
      throw new Error('the snapshot of the control store ends too early');
    const { seen } = JSON.parse(`{"pairs":[${this.#rest}`) as { readonly seen: readonly (readonly [string, number])[] };
    return { revision: this.#revision, seen };
  }

  #readHead(): boolean {
    const match = head.exec(this.#rest);
    if (!match) {
      if (this.#rest.length < longestHead) return false;
      throw new Error('this is no snapshot of the control store');
    }
    if (match[1] !== '1') {
      throw new Error(
        `This control store snapshot has version ${match[1]}, this release reads version 1. Start the release that wrote it, or a newer one.`,
      );
    }
    this.#revision = Number(match[2]);
    this.#rest = this.#rest.slice(match[0].length);
    return true;
  }

  /** Where each pair ends that is whole by now. */
  #pairEnds(): readonly number[] {
    const text = this.#rest;
    const ends: number[] = [];
    for (; this.#at < text.length; this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === 0x5c) this.#escaped = true;
        else if (code === 0x22) this.#inString = false;
        continue;
      }
      if (code === 0x22) this.#inString = true;
      else if (code === 0x5b || code === 0x7b) this.#depth++;
      else if (code === 0x5d || code === 0x7d) {
        if (this.#depth === 0) {
          this.#pairsOver = true;
          return ends;
        }
        if (--this.#depth === 0) ends.push(this.#at + 1);
      }
    }
    return ends;
  }
}

/** Runs a generator to its end at once: for a start, which may take its time, and for tests. */
export function whole<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

const eventsPerBatch = 256;

/**
 * Changes from `before` to `after` in order of revision, deletions last (when they happened is not known), in batches. Yields null while it looks.
 */
export function* differences(before: KvState, after: KvState): Generator<readonly WatchEvent[] | null, void> {
  const changed: KeyValue[] = [];
  let looked = 0;
  for (const pair of pairsFrom(after.tree, '')) {
    if (before.values.get(pair.key)?.modRevision !== pair.modRevision) changed.push(pair);
    if (++looked % 2048 === 0) yield null;
  }
  const sorted = yield* inOrder(changed);
  for (let at = 0; at < sorted.length; at += eventsPerBatch) {
    yield sorted
      .slice(at, at + eventsPerBatch)
      .map(({ key, value, modRevision }) => ({ revision: modRevision, kind: 'put', key, value, modRevision }));
  }
  yield* deletions(before.tree, after);
}

function* deletions(before: KeyTree, after: KvState): Generator<readonly WatchEvent[] | null, void> {
  const { revision } = after;
  let batch: WatchEvent[] = [];
  let looked = 0;
  for (const { key } of pairsFrom(before, '')) {
    if (!after.values.has(key)) batch.push({ revision, kind: 'delete', key, value: null, modRevision: revision });
    if (batch.length === eventsPerBatch) {
      yield batch;
      batch = [];
    } else if (++looked % 2048 === 0) yield null;
  }
  if (batch.length > 0) yield batch;
}

/** Sorted by revision: runs first, then merged pairwise, a stretch at a time. */
function* inOrder(pairs: readonly KeyValue[]): Generator<null, readonly KeyValue[]> {
  let runs: KeyValue[][] = [];
  for (let at = 0; at < pairs.length; at += 1024) {
    runs.push(pairs.slice(at, at + 1024).sort((a, b) => a.modRevision - b.modRevision));
    yield null;
  }
  while (runs.length > 1) {
    const merged: KeyValue[][] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(yield* mergedRun(runs[at]!, runs[at + 1] ?? []));
    runs = merged;
  }
  return runs[0] ?? [];
}

function* mergedRun(a: readonly KeyValue[], b: readonly KeyValue[]): Generator<null, KeyValue[]> {
  const merged: KeyValue[] = [];
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    const fromLeft = right >= b.length || (left < a.length && a[left]!.modRevision <= b[right]!.modRevision);
    merged.push(fromLeft ? a[left++]! : b[right++]!);
    if (merged.length % 4096 === 0) yield null;
  }
  return merged;
}
