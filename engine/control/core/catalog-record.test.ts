import { describe, expect, it } from 'vitest';
import { isCatalogId, isCatalogPrefix, marked, pageById, surplusOf, timeOf, upgraded } from './catalog-record';

describe('ids and prefixes', () => {
  it.each(['a', '0', 'node-1', 'a.b_c', 'a..b', 'x'.repeat(63)])('%s is an id', (id) => {
    expect(isCatalogId(id)).toBe(true);
  });

  it.each(['', '.', '..', '../users/admin', 'a/b', 'A', '-a', '_a', 'a b', 'a\n', 'ä', 'a\0', 'x'.repeat(64)])(
    '%j is none',
    (id) => expect(isCatalogId(id)).toBe(false),
  );

  it.each([
    ['notes/', true],
    ['rac/tiers/', true],
    ['', false],
    ['/', false],
    ['notes', false],
    ['notes//', false],
    ['../notes/', false],
  ])('prefix %j: %s', (prefix, allowed) => expect(isCatalogPrefix(prefix)).toBe(allowed));
});

describe('formats', () => {
  const third = {
    version: 3,
    migrate: (value: object, from: number) => ({ ...value, [`from${from}`]: true }),
  };

  it.each([
    [{ a: 1 }, { a: 1, from1: true, from2: true }],
    [
      { _format: 1, a: 1 },
      { a: 1, from1: true, from2: true },
    ],
    [
      { _format: 2, a: 1 },
      { a: 1, from2: true },
    ],
    [{ _format: 3, a: 1 }, { a: 1 }],
  ])('%j is brought up step by step', (stored, fields) => {
    expect(upgraded('notes/a', stored, third)).toEqual({ kind: 'fields', fields });
  });

  it.each([4, 99, 0, 1.5, '2', null])('format %j is refused with what to do', (found) => {
    const { reason } = upgraded('notes/a', { _format: found }, third) as { reason: string };
    expect(reason).toMatch(
      /^notes\/a has format .*which reads up to format 3\. A newer release wrote it: start that one/,
    );
  });

  it.each([null, 'text', 7, ['a']])('%j is no record', (stored) => {
    expect(upgraded('notes/a', stored, third)).toEqual({ kind: 'broken', reason: 'notes/a holds no record' });
  });

  it('tells a step that fails', () => {
    const failing = {
      version: 2,
      migrate: () => {
        throw new Error('no text');
      },
    };
    expect(upgraded('notes/a', {}, failing)).toEqual({
      kind: 'broken',
      reason: "notes/a can't be brought from format 1 to the next: no text",
    });
  });

  it('marks each record, but the first format of those that never had a mark', () => {
    expect(marked({ a: 1 }, 1, false)).toEqual({ _format: 1, a: 1 });
    expect(marked({ a: 1 }, 1, true)).toEqual({ a: 1 });
    expect(marked({ a: 1 }, 2, true)).toEqual({ _format: 2, a: 1 });
  });
});

describe('pages', () => {
  const all = ['c', 'a', 'b'].map((id) => ({ id }));
  const ids = (after: string | null, limit: number) => {
    const { items, next } = pageById(all, after, limit);
    return [items.map((one) => one.id).join(''), next];
  };

  it('are in order of ids, and the last one says so', () => {
    expect([ids(null, 2), ids('b', 2), ids('aa', 1), ids(null, 3), ids('c', 2)]).toEqual([
      ['ab', 'b'],
      ['c', null],
      ['b', 'b'],
      ['abc', null],
      ['', null],
    ]);
  });
});

describe('what is kept', () => {
  const record = (createRevision: number, at: number | null) => ({ createRevision, at });
  const gone = (limits: Parameters<typeof surplusOf>[1]) =>
    surplusOf([record(1, 50), record(2, 10), record(3, null), record(4, 90), record(5, 90)], limits, 100)
      .map((one) => one.createRevision)
      .sort();

  it.each([
    [{}, []],
    [{ maxAgeMs: 50 }, [2]],
    [{ maxAgeMs: 49 }, [1, 2]],
    [{ maxEntries: 5 }, []],
    [{ maxEntries: 3 }, [1, 2]],
    [{ maxEntries: 2 }, [1, 2, 4]],
    [{ maxEntries: 0 }, [1, 2, 3, 4, 5]],
    [{ maxEntries: 4, maxAgeMs: 40 }, [1, 2]],
  ])('%j removes %j', (limits, revisions) => expect(gone(limits)).toEqual(revisions));

  it.each([
    ['1970-01-01T00:00:01.000Z', 1000],
    [5, 5],
    ['soon', null],
    [null, null],
    [Number.NaN, null],
  ])('%j is the time %j', (value, at) => expect(timeOf(value)).toBe(at));
});
