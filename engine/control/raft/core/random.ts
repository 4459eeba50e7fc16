/** Seeded generator (mulberry32): randomness is state, so that a run repeats from its seed. */

/** Returns the next generator state and a number in [0, 1). */
export function nextRandom(seed: number): { readonly seed: number; readonly value: number } {
  const next = (seed + 0x6d2b79f5) | 0;
  let t = next;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return { seed: next, value: ((t ^ (t >>> 14)) >>> 0) / 4294967296 };
}
