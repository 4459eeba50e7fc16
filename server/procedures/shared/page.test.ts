/** Pages against a list that changes between them, and cursors that the list did not give out. */
import { describe, expect, it } from 'vitest';
import { cursorKey, pageFrom, paginate, readCursor, type SortOrder, writeCursor } from './page';

type Item = { readonly name: string; readonly at: number };
const byTime: SortOrder<Item> = { list: 'items', key: (item) => [item.at, item.name], direction: 1 };
const newestFirst: SortOrder<Item> = { ...byTime, list: 'items newest first', direction: -1 };
const items = (...names: string[]): Item[] => names.map((name, at) => ({ name, at }));

function names(page: { readonly items: readonly Item[] }): string {
  return page.items.map((item) => item.name).join('');
}

describe('a page after another', () => {
  it.each([
    ['upwards', byTime, 'abcde'],
    ['downwards', newestFirst, 'edcba'],
  ])('goes on %s where that one ended', (_words, order, expected) => {
    const list = items('a', 'b', 'c', 'd', 'e');
    let seen = '';
    for (let cursor: string | undefined; ; ) {
      const page = paginate(list, { limit: 2, cursor }, order);
      seen += names(page);
      expect(page.total_count).toBe(5);
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    expect(seen).toBe(expected);
  });

  it('neither repeats nor skips what stayed when items come and go before it, the last one too', () => {
    const list = items('a', 'b', 'c', 'd', 'e');
    const { next_cursor } = paginate(list, { limit: 2 }, byTime);
    const changed = [{ name: 'new', at: -1 }, ...list.filter((item) => item.name !== 'b'), { name: 'f', at: 9 }];
    expect(names(paginate(changed, { limit: 9, cursor: next_cursor! }, byTime))).toBe('cdef');
    expect(paginate([], { limit: 9, cursor: next_cursor! }, byTime)).toEqual({
      items: [],
      next_cursor: null,
      total_count: 0,
    });
  });

  it.each([byTime, newestFirst])('tells items apart that are the same', (order) => {
    const same = [...Array(5)].map(() => ({ name: 'same', at: 1 }));
    const list = [{ name: 'first', at: 0 }, ...same, { name: 'last', at: 2 }];
    let count = 0;
    for (let cursor: string | undefined; ; ) {
      const page = paginate(list, { limit: 2, cursor }, order);
      count += page.items.length;
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    expect(count).toBe(7);
  });

  it('is asked of the source with one item more than it has', async () => {
    const all = [9, 7, 5, 3];
    const order = { list: 'numbers', kinds: ['number'] as const, key: (item: number) => [item] };
    const asked: unknown[] = [];
    const read = async (after: readonly (string | number)[] | null, atMost: number) => {
      asked.push([after, atMost]);
      return all.filter((one) => after === null || one < Number(after[0])).slice(0, atMost);
    };
    const first = await pageFrom({ limit: 2 }, order, read);
    const second = await pageFrom({ limit: 2, cursor: first.next_cursor! }, order, read);
    expect([first.items, second.items, second.next_cursor]).toEqual([[9, 7], [5, 3], null]);
    expect(asked).toEqual([
      [null, 3],
      [[7], 3],
    ]);
  });
});

describe('a cursor', () => {
  const cursor = writeCursor('items', [0, 4, 'é']);

  it('says after which key a page starts', () => {
    const { next_cursor } = paginate(items('a', 'b', 'c'), { limit: 2 }, byTime);
    expect(cursorKey('items', next_cursor!)).toEqual([1, 'b']);
    expect(() => cursorKey('others', next_cursor!)).toThrow('cursor: of another list');
  });

  it('is what was written', () => {
    expect(readCursor('items', cursor, ['number', 'number', 'string'])).toEqual([0, 4, 'é']);
  });

  it.each([
    ['empty', ''],
    ['no base64', '%%%'],
    ['cut off', cursor.slice(0, -1)],
    ['longer', `${cursor}A`],
    ['in other letters', `${cursor}=`],
    ['of no list', Buffer.from('[]').toString('base64url')],
    ['with a key of another form', writeCursor('items', ['4', 'x'])],
    ['with half a key', writeCursor('items', [0, 4])],
    ['with more than a key', writeCursor('items', [0, 4, 'x', 'y'])],
  ])('is refused when it is %s', (_words, broken) => {
    expect(() => paginate(items('a', 'b'), { limit: 1, cursor: broken }, byTime)).toThrow(
      'cursor: take it from the answer before, unchanged',
    );
  });

  it('is refused by another list and by another order of its own', () => {
    expect(() => paginate(items('a'), { limit: 1, cursor }, newestFirst)).toThrow('cursor: of another list');
    expect(() => readCursor('others', cursor, ['number', 'number', 'string'])).toThrow('cursor: of another list');
  });
});
