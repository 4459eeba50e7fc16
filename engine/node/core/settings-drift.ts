/**
 * What to change in postgresql.auto.conf so that it says what the group record wants. Pure. Invariants: a name that was never taken from a record is
 * never touched; a value that PostgreSQL wrote down differently than it was given is not set again and again.
 */

export type DriftInput = {
  /** By the record, now. */
  readonly wanted: Readonly<Record<string, string>>;
  /** By the record, when it was applied last in this life; a name that is not in it has not been applied yet. */
  readonly lastWanted: Readonly<Record<string, string>>;
  /** postgresql.auto.conf, names in lower case. */
  readonly file: ReadonlyMap<string, string>;
  /** The same right after our last change. */
  readonly seen: ReadonlyMap<string, string>;
  /** Names in lower case that were taken from a record before, in this life or an earlier one. */
  readonly remembered: ReadonlySet<string>;
};

export function changesFor({ wanted, lastWanted, file, seen, remembered }: DriftInput): Record<string, string | null> {
  const changes: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(wanted)) {
    const now = file.get(name.toLowerCase());
    const asWeLeftIt = lastWanted[name] === value && now !== undefined && now === seen.get(name.toLowerCase());
    if (now !== value && !asWeLeftIt) changes[name] = value;
  }
  const kept = new Set(Object.keys(wanted).map((name) => name.toLowerCase()));
  for (const name of remembered) if (!kept.has(name) && file.has(name)) changes[name] = null;
  return changes;
}
