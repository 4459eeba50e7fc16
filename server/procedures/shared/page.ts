/**
 * Pages of a sorted list, and the one cursor that every list has. A cursor names its list and holds the sort key of the last item, not a
 * position, so a list that changes meanwhile neither repeats nor skips what stayed. Invariant: a cursor that this list did not give out
 * (cut off, made up, of another list, of another order) is refused, never read as something else.
 */
import { ClusterError } from '@/engine/kernel/errors';

type Key = readonly (string | number)[];

/** Of a list that is whole in memory. Items with the same key are told apart by how many of them came before. */
export type SortOrder<T> = {
  /** Name of the list; with what it is about and its order, where it has several. */
  readonly list: string;
  readonly key: (item: T) => Key;
  readonly direction: 1 | -1;
};

export type PageInput = { readonly limit: number; readonly cursor?: string | undefined };
export type Page<T> = { items: T[]; next_cursor: string | null; total_count: number | null };

export function paginate<T>(items: readonly T[], input: PageInput, order: SortOrder<T>): Page<T> {
  const sorted = items.map((item) => ({ item, key: order.key(item), nth: 0 }));
  sorted.sort((a, b) => compare(a.key, b.key) * order.direction);
  for (const [index, one] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before && compare(before.key, one.key) === 0) one.nth = before.nth + 1;
  }
  const after = input.cursor === undefined ? null : splitCursor(order.list, input.cursor, sorted[0]?.key);
  const rest = after === null ? sorted : sorted.filter((one) => isAfter(one, after, order.direction));
  const page = rest.slice(0, input.limit);
  const last = page.at(-1);
  return {
    items: page.map((one) => one.item),
    next_cursor: last && rest.length > page.length ? writeCursor(order.list, [last.nth, ...last.key]) : null,
    total_count: items.length,
  };
}

/**
 * Of a list that its source gives page by page: `read` is asked for one item more than the page has, after the key of the cursor.
 * `kinds` are the types of that key.
 */
export async function pageFrom<T>(
  { limit, cursor }: PageInput,
  order: { readonly list: string; readonly kinds: readonly ('string' | 'number')[]; readonly key: (item: T) => Key },
  read: (after: Key | null, atMost: number) => Promise<readonly T[]>,
): Promise<Page<T>> {
  const found = await read(cursor === undefined ? null : readCursor(order.list, cursor, order.kinds), limit + 1);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const more = found.length > items.length && last !== undefined;
  return { items, next_cursor: more ? writeCursor(order.list, order.key(last)) : null, total_count: null };
}

export function writeCursor(list: string, key: Key): string {
  return Buffer.from(JSON.stringify([list, ...key])).toString('base64url');
}

/** @throws INVALID_INPUT unless `writeCursor` made it for this list */
export function readCursor(list: string, cursor: string, kinds: readonly ('string' | 'number')[]): Key {
  const [of, ...key] = decode(cursor);
  if (typeof of !== 'string') throw brokenCursor();
  if (of !== list) throw refused('of another list; take it from the answer before, unchanged');
  if (key.length !== kinds.length || key.some((part, index) => typeof part !== kinds[index])) throw brokenCursor();
  return key;
}

/** Where a page of `paginate` starts: for a list that is gathered from many places and need not ask those before. */
export function cursorKey(list: string, cursor: string): Key {
  return splitCursor(list, cursor, undefined).key;
}

type Place = { readonly key: Key; readonly nth: number };

/** `like`: a key of this list, whose form the cursor's must have. */
function splitCursor(list: string, cursor: string, like: Key | undefined): Place {
  const kinds = (like ?? decode(cursor).slice(2)).map((part) => typeof part as 'string' | 'number');
  const [nth, ...key] = readCursor(list, cursor, ['number', ...kinds]);
  return { key, nth: nth as number };
}

function isAfter(one: Place, after: Place, direction: 1 | -1): boolean {
  const order = compare(one.key, after.key) * direction;
  return order > 0 || (order === 0 && one.nth > after.nth);
}

/** Keys of one list have the same form. */
function compare(a: Key, b: Key): number {
  for (const [index, left] of a.entries()) {
    const right = b[index]!;
    if (left < right) return -1;
    if (left > right) return 1;
  }
  return 0;
}

function decode(cursor: string): Key {
  try {
    const bytes = Buffer.from(cursor, 'base64url');
    const parts: unknown = JSON.parse(bytes.toString());
    const isKey = Array.isArray(parts) && parts.every((part) => typeof part === 'string' || typeof part === 'number');
    // Decoding is lenient: what was added or lost at the end shows only on the way back.
    if (isKey && bytes.toString('base64url') === cursor) return parts;
  } catch {
    // not ours: refused below
  }
  throw brokenCursor();
}

export function brokenCursor(): ClusterError {
  return refused('take it from the answer before, unchanged');
}

function refused(message: string): ClusterError {
  return new ClusterError('INVALID_INPUT', `cursor: ${message}`, { extra: { fields: [{ field: 'cursor', message }] } });
}
