/** Percent of a whole; 0 when the whole is unknown. */
export function share(part: number, whole: number): number {
  return whole > 0 ? (part / whole) * 100 : 0;
}
