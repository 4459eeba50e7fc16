/** The last `kept` durations of one phase, and their quantiles. */
const kept = 4_096;

export type Quantiles = { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };

export class Latencies {
  readonly #ring: number[] = [];
  #next = 0;

  add(ms: number): void {
    this.#ring[this.#next] = ms;
    this.#next = (this.#next + 1) % kept;
  }

  quantiles(): Quantiles | null {
    if (this.#ring.length === 0) return null;
    const sorted = [...this.#ring].sort((a, b) => a - b);
    const at = (share: number) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]! * 100) / 100;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  }
}
