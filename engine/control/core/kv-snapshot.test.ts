import { describe, expect, it } from 'vitest';
import type { Json } from '../store';
import { applyCommand, emptyKv, imageOf, type KvState } from './kv';
import { decodeParts, differences, encodeParts, whole } from './kv-snapshot';

function stateOf(pairs: readonly (readonly [string, Json])[]): KvState {
  const kv = emptyKv();
  for (const [at, [key, value]] of pairs.entries()) {
    applyCommand(kv, { id: `t${at}`, txn: { compare: [], mutations: [{ kind: 'put', key, value }] } });
  }
  return kv;
}

const tricky = stateOf([
  ['a', 1],
  ['b/"quoted" \\ [', { 'x]}': ['{', '"', '\\"', '€😀', { deep: [[[]]] }] }],
  ['c', null],
  ['d', 'ends with a backslash \\'],
  ['e', '],"seen":['],
  ['f', { list: Array.from({ length: 50 }, (_, at) => ({ at, text: `${'x'.repeat(at)}"` })) }],
]);

/** As every release since the first has written it. */
function versionOne(kv: KvState): string {
  const pairs = [...kv.values.values()]
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, value, createRevision, modRevision }) => [key, value, createRevision, modRevision]);
  return JSON.stringify({ version: 1, revision: kv.revision, pairs, seen: [...kv.seen] });
}

const inPieces = (text: string, size: number) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size));

describe('snapshot in parts', () => {
  it.each([1, 10, 100, 1e6])('joined, the parts are the text of version 1 (parts of %i)', (partChars) => {
    expect([...encodeParts(imageOf(tricky), partChars)].join('')).toBe(versionOne(tricky));
  });

  it.each([1, 2, 3, 7, 50, 1000, 1e6])('is read from pieces cut anywhere (every %i characters)', (size) => {
    expect(whole(decodeParts(inPieces(versionOne(tricky), size)))).toEqual(tricky);
  });

  it('is empty for no parts, and for those of an empty state', () => {
    expect(whole(decodeParts([]))).toEqual(emptyKv());
    expect(whole(decodeParts(['']))).toEqual(emptyKv());
    expect(whole(decodeParts([...encodeParts(imageOf(emptyKv()), 10)]))).toEqual(emptyKv());
  });

  it('refuses a newer version with a sentence, and text that ends too early', () => {
    const text = versionOne(tricky);
    expect(() => whole(decodeParts([text.replace('"version":1', '"version":2')]))).toThrow(
      /has version 2, this release reads version 1. Start the release that wrote it/,
    );
    expect(() => whole(decodeParts([text.slice(0, text.indexOf('"seen"') - 20)]))).toThrow(/ends too early/);
    expect(() => whole(decodeParts(['x'.repeat(100)]))).toThrow(/no snapshot/);
  });

  it('keeps what the state was when the image was taken', () => {
    const kv = stateOf([['a', 1]]);
    const image = imageOf(kv);
    const before = versionOne(kv);
    applyCommand(kv, { id: 'later', txn: { compare: [], mutations: [{ kind: 'put', key: 'a', value: 2 }] } });
    applyCommand(kv, { id: 'more', txn: { compare: [], mutations: [{ kind: 'delete', key: 'a' }] } });
    expect([...encodeParts(image, 100)].join('')).toBe(before);
  });
});

describe('no step is larger than its bound, whatever the state holds', () => {
  const value = 'x'.repeat(900);
  const large = stateOf(Array.from({ length: 22_000 }, (_, at) => [`operations/${at}`, value] as const));

  it('a state of 20 MB', () => {
    expect(large.bytes).toBeGreaterThan(20_000_000);
    const parts = [...encodeParts(imageOf(large), 128 << 10)];
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(128 << 10);
    const steps = [...decodeParts(parts)];
    expect(Math.max(...steps)).toBeLessThanOrEqual(64 << 10);
    expect(steps.length).toBeGreaterThan(300);
  });

  it('what watchers are told of it, in order', () => {
    const batches = [...differences(emptyKv(), large)];
    const told = batches.flatMap((batch) => batch ?? []);
    expect(Math.max(...batches.map((batch) => batch?.length ?? 0))).toBeLessThanOrEqual(256);
    expect(told.map(({ revision }) => revision)).toEqual(Array.from({ length: 22_000 }, (_, at) => at + 1));
    const gone = [...differences(large, emptyKv())].flatMap((batch) => batch ?? []);
    expect([gone.length, new Set(gone.map(({ kind }) => kind))]).toEqual([22_000, new Set(['delete'])]);
  });
});
