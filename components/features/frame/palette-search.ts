/** Which entries of the command palette match, best first. Pure. Every word of the query must occur; a label counts before what it is found by. */
import { type Entry, type Section, sections } from './palette-entries';

export type Found = readonly { readonly section: Section; readonly entries: readonly Entry[]; readonly more: number }[];

const shown = 8;
/** Where nothing is asked for yet, a section is a taste of it; the pages are all there. */
const tasted: Readonly<Record<Section, number>> = {
  'Go to': 30,
  Nodes: 5,
  Services: 6,
  Actions: 6,
  Slots: 0,
  Operations: 5,
};

export function searchPalette(entries: readonly Entry[], query: string): Found {
  const needles = query.toLowerCase().split(/\s+/).filter(Boolean);
  const ranked = entries
    .map((entry, index) => ({ entry, index, rank: rankOf(entry, needles) }))
    .filter((one) => one.rank !== null);
  ranked.sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || a.index - b.index);
  const best = new Map<Section, number>();
  for (const { entry, rank } of ranked) if (!best.has(entry.section)) best.set(entry.section, rank ?? 0);
  return [...sections]
    .sort((a, b) => (best.get(a) ?? 99) - (best.get(b) ?? 99) || sections.indexOf(a) - sections.indexOf(b))
    .flatMap((section) => {
      const all = ranked.filter((one) => one.entry.section === section).map((one) => one.entry);
      const limit = needles.length === 0 ? tasted[section] : shown;
      const kept = needles.length === 0 && section === 'Nodes' ? all.filter((one) => !one.label.includes(':')) : all;
      const first = kept.slice(0, limit);
      return first.length === 0 ? [] : [{ section, entries: first, more: kept.length - first.length }];
    });
}

/** 0 is the label itself; null: no match. */
function rankOf({ label, hint = '', keywords = '' }: Entry, needles: readonly string[]): number | null {
  if (needles.length === 0) return 0;
  const name = label.toLowerCase();
  const all = `${name} ${hint} ${keywords}`.toLowerCase();
  if (!needles.every((needle) => all.includes(needle))) return null;
  const query = needles.join(' ');
  if (name === query) return 0;
  if (name.startsWith(query)) return 1;
  if (needles.every((needle) => wordBegins(name, needle))) return 2;
  return needles.every((needle) => name.includes(needle)) ? 3 : 4;
}

function wordBegins(text: string, needle: string): boolean {
  return text.startsWith(needle) || text.includes(` ${needle}`);
}
