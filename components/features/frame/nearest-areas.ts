/** Which areas an address that leads nowhere may have meant. Pure. */
import type { Area } from './areas';

const offered = 3;

/** By the first part of the path: the same beginning, a keyword, or at most two letters apart. */
export function nearestAreas<A extends Pick<Area, 'href' | 'label' | 'keywords'>>(
  areas: readonly A[],
  pathname: string,
): readonly A[] {
  const asked = (pathname.split('/').find((part) => part !== '') ?? '').toLowerCase();
  if (asked === '') return [];
  return areas
    .map((area) => ({ area, far: distance(area, asked) }))
    .filter((one) => one.far <= 2)
    .sort((a, b) => a.far - b.far)
    .slice(0, offered)
    .map((one) => one.area);
}

function distance(area: Pick<Area, 'href' | 'label' | 'keywords'>, asked: string): number {
  const name = area.href.slice(1) || area.label.toLowerCase();
  if (name === asked) return 0;
  if (asked.length >= 3 && (name.startsWith(asked) || asked.startsWith(name))) return 1;
  if (area.keywords.split(' ').includes(asked)) return 1;
  return editDistance(name, asked);
}

/** Levenshtein, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
