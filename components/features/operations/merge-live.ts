/** The list from the server, with whatever the live stream knows better or newer. Newest first. Pure. */

type Dated = { readonly id: string; readonly created_at: string };

export function mergeLive<T extends Dated>(
  listed: readonly T[],
  live: readonly T[],
  wanted: (row: T) => boolean,
): readonly T[] {
  const byId = new Map(listed.map((row) => [row.id, row]));
  for (const row of live) byId.set(row.id, row);
  return [...byId.values()]
    .filter(wanted)
    .sort((a, b) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id));
}
