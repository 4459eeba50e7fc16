/**
 * How a typed record stands in the control store, and which records a catalog keeps: pure. Invariants: a record is read only in a format that
 * this release knows, and brought up to the newest of them first; fields that the schema does not know survive a change; an id stays below
 * its prefix.
 */
import { messageOf } from '../../kernel/errors';
import { newerThan } from '../../kernel/format-version';
import type { Json } from '../store';

export type JsonObject = { readonly [key: string]: Json };

/** The format of a stored record stands in this field; absent is 1. */
export const formatField = '_format';

const idPattern = /^[a-z0-9][a-z0-9_.-]{0,62}$/;
const prefixPattern = /^([a-z0-9][a-z0-9-]{0,62}\/){1,4}$/;

export function isCatalogId(id: string): boolean {
  return idPattern.test(id);
}

export function isCatalogPrefix(prefix: string): boolean {
  return prefixPattern.test(prefix);
}

export type RecordFormat = {
  /** The newest that this release knows, and the one it writes. */
  readonly version: number;
  /** From format `from` to the next one. */
  readonly migrate: ((value: JsonObject, from: number) => JsonObject) | null;
};

export type Upgraded =
  | { readonly kind: 'fields'; readonly fields: JsonObject }
  | { readonly kind: 'broken'; readonly reason: string };

/** What is stored under `key`, in the present format and without the mark of it. */
export function upgraded(key: string, stored: Json, { version, migrate }: RecordFormat): Upgraded {
  if (!isObject(stored)) return { kind: 'broken', reason: `${key} holds no record` };
  const { [formatField]: found, ...fields } = stored;
  const newer = newerThan(key, version, found);
  if (newer !== null) return { kind: 'broken', reason: newer };
  let present: JsonObject = fields;
  for (let from = (found as number | undefined) ?? 1; from < version; from++) {
    try {
      present = migrate === null ? present : migrate(present, from);
    } catch (error) {
      return { kind: 'broken', reason: `${key} can't be brought from format ${from} to the next: ${messageOf(error)}` };
    }
  }
  return { kind: 'fields', fields: present };
}

/** `unmarked`: the first format is stored as releases before catalogs did. */
export function marked(fields: JsonObject, version: number, unmarked: boolean): JsonObject {
  return unmarked && version === 1 ? fields : { [formatField]: version, ...fields };
}

/** What a newer release added to a record, which this one must neither read nor lose. */
export function unknownFields(stored: JsonObject, known: object): JsonObject {
  return Object.fromEntries(Object.entries(stored).filter(([name]) => !Object.hasOwn(known, name)));
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Page<I> = { readonly items: readonly I[]; readonly next: string | null };

/** Up to `limit` items behind the id `after`, in order of their ids; `next`: the `after` of the following page. */
export function pageById<I extends { readonly id: string }>(
  all: readonly I[],
  after: string | null,
  limit: number,
): Page<I> {
  const behind = all.filter((one) => after === null || one.id > after).sort((a, b) => (a.id < b.id ? -1 : 1));
  const items = behind.slice(0, limit);
  return { items, next: behind.length > limit ? items.at(-1)!.id : null };
}

export type Retained = {
  /** When it began to age, ms since 1970; null: unknown, it is kept for any time. */
  readonly at: number | null;
  readonly createRevision: number;
};

/** Those that are too old, and the oldest of what is too many. */
export function surplusOf<R extends Retained>(
  all: readonly R[],
  limits: { readonly maxEntries?: number | undefined; readonly maxAgeMs?: number | undefined },
  now: number,
): readonly R[] {
  const { maxEntries = Number.POSITIVE_INFINITY, maxAgeMs = Number.POSITIVE_INFINITY } = limits;
  const youngestFirst = [...all].sort((a, b) => ageOrder(a, b));
  return youngestFirst.filter((one, at) => at >= maxEntries || (one.at !== null && now - one.at > maxAgeMs));
}

function ageOrder(a: Retained, b: Retained): number {
  const [at, bt] = [a.at ?? Number.MAX_SAFE_INTEGER, b.at ?? Number.MAX_SAFE_INTEGER];
  return at === bt ? b.createRevision - a.createRevision : bt - at;
}

/** An ISO time or milliseconds since 1970. */
export function timeOf(value: unknown): number | null {
  const at = typeof value === 'string' ? Date.parse(value) : value;
  return typeof at === 'number' && Number.isFinite(at) ? at : null;
}
