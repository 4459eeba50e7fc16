/**
 * Pages of a sorted list. The cursor holds the sort key of the last item, not a position, so a list that changes meanwhile neither
 * repeats nor skips what stayed.
 */
import { ClusterError } from '@/engine/kernel/errors';

type Key = readonly (string | number)[];

/** `key` must end with something unique. */
export type SortOrder<T> = { readonly key: (item: T) => Key; readonly direction: 1 | -1 };

export type Page<T> = { items: T[]; next_cursor: string | null; total_count: number };

export function paginate<T>(
  items: readonly T[],
  input: { readonly limit: number; readonly cursor?: string | undefined },
  order: SortOrder<T>,
): Page<T> {
  const sorted = items.map((item) => ({ item, key: order.key(item) }));
  sorted.sort((a, b) => compare(a.key, b.key) * order.direction);
  const after = input.cursor === undefined ? null : cursorKey(input.cursor);
  const rest = after === null ? sorted : sorted.filter((one) => compare(one.key, after) * order.direction > 0);
  const page = rest.slice(0, input.limit);
  const last = page.at(-1);
  return {
    items: page.map((one) => one.item),
    next_cursor: last && rest.length > page.length ? encodeCursor(last.key) : null,
    total_count: items.length,
  };
}

function compare(a: Key, b: Key): number {
  for (let i = 0; i < a.length; i++) {
    const left = a[i]!;
    const right = b[i];
    if (right === undefined || typeof left !== typeof right) return 1;
    if (left < right) return -1;
    if (left > right) return 1;
  }
  return 0;
}

function encodeCursor(key: Key): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The sort key after which the page starts. @throws INVALID_INPUT */
export function cursorKey(cursor: string): Key {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(key) && key.every((part) => typeof part === 'string' || typeof part === 'number')) return key;
  } catch {
    // not ours: refused below
  }
  throw new ClusterError('INVALID_INPUT', 'cursor: take it from the answer before, unchanged');
}
