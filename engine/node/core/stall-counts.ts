/** How long the main thread was blocked, as a histogram since the agent started: a few numbers that a report can carry. Pure. */

/** Upper bounds, ms. The lease budget's own steps (renewal 250, fail-safe 500, stop 1,500 at the defaults) lie between them. */
export const stallBoundsMs = [20, 50, 100, 250, 500, 1_000, 2_000] as const;

/** `counts[i]`: up to `stallBoundsMs[i]`, and beyond the bound before; the last one: beyond all. */
export type StallCounts = { readonly counts: readonly number[]; readonly sumMs: number };

export const noStalls: StallCounts = { counts: new Array<number>(stallBoundsMs.length + 1).fill(0), sumMs: 0 };

export function withStall({ counts, sumMs }: StallCounts, ms: number): StallCounts {
  const found = stallBoundsMs.findIndex((bound) => ms <= bound);
  const at = found < 0 ? stallBoundsMs.length : found;
  return { counts: counts.map((count, index) => (index === at ? count + 1 : count)), sumMs: Math.round(sumMs + ms) };
}
