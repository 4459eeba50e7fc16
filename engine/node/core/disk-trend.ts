/**
 * When the disk will be full if it goes on like this: the least-squares line through what was used in the last hour. Null where a line says nothing:
 * too short a time, no growth, or more than a year away. For display and alerts, never for a decision.
 */
export type DiskPoint = { readonly atMs: number; readonly usedBytes: number };

const shortestMs = 10 * 60_000;
const farthestMs = 365 * 24 * 3_600_000;

export function msUntilFull(points: readonly DiskPoint[], totalBytes: number): number | null {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last || last.atMs - first.atMs < shortestMs) return null;
  const meanAt = mean(points.map((point) => point.atMs));
  const meanUsed = mean(points.map((point) => point.usedBytes));
  let covariance = 0;
  let variance = 0;
  for (const { atMs, usedBytes } of points) {
    covariance += (atMs - meanAt) * (usedBytes - meanUsed);
    variance += (atMs - meanAt) ** 2;
  }
  const bytesPerMs = covariance / variance;
  if (!(bytesPerMs > 0)) return null;
  const ms = Math.max(0, totalBytes - last.usedBytes) / bytesPerMs;
  return ms > farthestMs ? null : Math.round(ms);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
