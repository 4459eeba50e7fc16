import { describe, expect, it } from 'vitest';
import type { Txn } from '../store';
import { applyCommand, emptyKv, imageOf, type KvState, limits, listKeys, utf8Length } from './kv';
import { checkTxn } from './kv-limits';
import { decodeParts, differences, encodeParts, whole } from './kv-snapshot';

let counter = 0;
function apply(state: KvState, txn: Partial<Txn>, id = `id-${counter++}`) {
  return applyCommand(state, { id, txn: { compare: [], mutations: [], ...txn } });
}
const put = (key: string, value: string | number) => ({ kind: 'put' as const, key, value });
const del = (key: string) => ({ kind: 'delete' as const, key });

describe('key-value state machine', () => {
  it('gives one revision per transaction that changed something', () => {
    const kv = emptyKv();
    apply(kv, { mutations: [put('a', 1), put('b', 2)] });
    apply(kv, { mutations: [del('none')] });
    apply(kv, { mutations: [put('a', 3)] });
    expect(kv.revision).toBe(2);
    expect(kv.values.get('a')).toEqual({ key: 'a', value: 3, createRevision: 1, modRevision: 2 });
  });

  it.each([
    [0, true],
    [1, false],
  ])('absent key compared with revision %i: %s', (modRevision, succeeded) => {
    const result = apply(emptyKv(), { compare: [{ key: 'a', modRevision }], mutations: [put('a', 1)] });
    expect(result).toMatchObject({ kind: 'done', result: { succeeded } });
  });

  it('changes nothing when one compare fails, and says what there is', () => {
    const kv = emptyKv();
    apply(kv, { mutations: [put('a', 1)] });
    const result = apply(kv, {
      compare: [
        { key: 'a', modRevision: 1 },
        { key: 'b', modRevision: 7 },
      ],
      mutations: [put('a', 2)],
    });
    expect(result).toMatchObject({ result: { succeeded: false, current: [{ key: 'a', value: 1 }] }, events: [] });
    expect(kv.revision).toBe(1);
  });

  it('decides a repeated transaction once, success or failure', () => {
    const kv = emptyKv();
    const create: Partial<Txn> = { compare: [{ key: 'a', modRevision: 0 }], mutations: [put('a', 1)] };
    apply(kv, create, 'one');
    expect(apply(kv, create, 'one')).toMatchObject({ result: { succeeded: true, revision: 1 }, events: [] });
    expect(apply(kv, create, 'two')).toMatchObject({ result: { succeeded: false } });
    apply(kv, { mutations: [del('a')] });
    expect(apply(kv, create, 'two')).toMatchObject({ result: { succeeded: false } });
    expect(kv.values.has('a')).toBe(false);
  });

  it('lists by prefix in order', () => {
    const kv = emptyKv();
    for (const key of ['b/2', 'a', 'b/1', 'c', 'b', 'b/10']) apply(kv, { mutations: [put(key, 1)] });
    apply(kv, { mutations: [del('b/1')] });
    expect(listKeys(kv, 'b/').map((pair) => pair.key)).toEqual(['b/10', 'b/2']);
    expect(listKeys(kv, '')).toHaveLength(5);
  });

  it('refuses on every replica alike when the state is full, but lets deletions through', () => {
    const kv = emptyKv();
    apply(kv, { mutations: [put('a', 'x')] });
    kv.bytes = limits.maxStateBytes;
    expect(apply(kv, { mutations: [put('b', 'y')] })).toEqual({ kind: 'refused', reason: 'state-full' });
    expect(apply(kv, { mutations: [del('a')] })).toMatchObject({ kind: 'done' });
  });

  it('counts bytes as they come and go', () => {
    const kv = emptyKv();
    apply(kv, { mutations: [put('ä', 'x€😀')] });
    expect(kv.bytes).toBe(Buffer.byteLength('ä') + Buffer.byteLength('"x€😀"'));
    apply(kv, { mutations: [put('ä', '')] });
    apply(kv, { mutations: [del('ä')] });
    expect(kv.bytes).toBe(0);
    for (const text of ['', 'a', 'ä€', '😀x']) expect(utf8Length(text)).toBe(Buffer.byteLength(text));
  });

  it('comes back from a snapshot the same, remembered transactions included', () => {
    const kv = emptyKv();
    apply(kv, { mutations: [put('a', 1), put('b', 2)] }, 'one');
    const copy = whole(decodeParts([...encodeParts(imageOf(kv), 1000)]));
    expect(copy).toEqual(kv);
    apply(copy, { mutations: [put('b', 3), del('a'), put('c', 4)] });
    expect([...differences(kv, copy)].flatMap((batch) => batch ?? []).map(({ kind, key }) => `${kind} ${key}`)).toEqual(
      ['put b', 'put c', 'delete a'],
    );
  });

  it.each([
    [{ mutations: [put('k', 'x'.repeat(limits.maxValueBytes))] }, 'PAYLOAD_TOO_LARGE'],
    [{ mutations: Array.from({ length: 5 }, (_, at) => put(`k${at}`, 'x'.repeat(250_000))) }, 'PAYLOAD_TOO_LARGE'],
    [{ mutations: Array.from({ length: 600 }, (_, at) => put(`k${at}`, 1)) }, 'PAYLOAD_TOO_LARGE'],
    [{ mutations: [put('', 1)] }, 'INVALID_INPUT'],
    [{ mutations: [put('k'.repeat(600), 1)] }, 'INVALID_INPUT'],
  ])('refuses what is too large before it is written (case %#)', (txn, code) => {
    expect(() => checkTxn({ compare: [], ...txn }, 0)).toThrow(expect.objectContaining({ code }));
  });
});
