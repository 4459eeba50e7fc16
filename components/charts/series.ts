/** Pure parts of the charts. */
import { formatClock } from '../ui/format';

export type Series = { readonly key: string; readonly label: string };
export type SeriesRow = { readonly at: number } & Readonly<Record<string, number | null>>;

/** At most `limit` rows: of each run of neighbours the last stays, and always the newest. */
export function thinned(rows: readonly SeriesRow[], limit: number): SeriesRow[] {
  if (rows.length <= limit) return [...rows];
  const step = rows.length / limit;
  return Array.from({ length: limit }, (_, index) => rows[Math.ceil((index + 1) * step) - 1]).filter(
    (row): row is SeriesRow => row !== undefined,
  );
}

/** Points of a sparkline as an SVG path; gaps where a value is missing. */
export function sparkPath(values: readonly (number | null)[], width: number, height: number): string {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return '';
  const top = Math.max(...known, 1);
  const step = width / (values.length - 1);
  let pen = 'M';
  let path = '';
  for (const [index, value] of values.entries()) {
    if (value === null) {
      pen = 'M';
      continue;
    }
    path += `${pen}${(index * step).toFixed(1)},${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`;
    pen = 'L';
  }
  return path;
}

const secondsBelowMs = 15 * 60_000;

/** Minutes on the axis; seconds too where several ticks fall into one minute. */
export function axisClock(atMs: number, spanMs: number): string {
  const clock = formatClock(new Date(atMs));
  return spanMs < secondsBelowMs ? clock : clock.slice(0, 5);
}
