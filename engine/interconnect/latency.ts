/** Round trips and silence of one peer: numbers for the latency matrix and for display; nothing decides by them. */

const ringSize = 128;
const maxOutstanding = 8;

/** Round trips of the last 128 pings. */
export class RttWindow {
  readonly #ring: number[] = [];
  #next = 0;
  #last: number | null = null;
  #lost = 0;
  readonly #outstanding = new Map<number, number>();

  pinged(id: number, nowMs: number): void {
    this.#outstanding.set(id, nowMs);
    if (this.#outstanding.size <= maxOutstanding) return;
    this.#outstanding.delete(this.#outstanding.keys().next().value!);
    this.#lost++;
  }

  ponged(id: number, nowMs: number): void {
    const sentMs = this.#outstanding.get(id);
    if (sentMs === undefined) return;
    this.#outstanding.delete(id);
    const us = Math.round((nowMs - sentMs) * 1000);
    this.#last = us;
    this.#ring[this.#next] = us;
    this.#next = (this.#next + 1) % ringSize;
  }

  /** A new connection: pings of the old one are never answered. */
  forgetOutstanding(): void {
    this.#lost += this.#outstanding.size;
    this.#outstanding.clear();
  }

  /** Pings without an answer: given up after eight more, or left behind by a connection that ended. */
  get lost(): number {
    return this.#lost;
  }

  summary(): { readonly last: number; readonly p50: number; readonly p99: number } | null {
    if (this.#last === null) return null;
    const sorted = [...this.#ring].sort((a, b) => a - b);
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!;
    return { last: this.#last, p50: at(0.5), p99: at(0.99) };
  }
}

/**
 * Phi-accrual suspicion (Hayashibara et al. 2004, with the logistic approximation of the normal tail that Akka and Cassandra use): how
 * surprising is the present silence, given the gaps between what was heard before? 1 ≈ 10 %, 2 ≈ 1 %, 8 = all but certain.
 */
export class PhiAccrual {
  #lastMs: number | null = null;
  #mean: number;
  #variance: number;

  constructor(
    expectedGapMs: number,
    private readonly minDeviationMs = 100,
  ) {
    this.#mean = expectedGapMs;
    this.#variance = (expectedGapMs / 4) ** 2;
  }

  heard(nowMs: number): void {
    if (this.#lastMs !== null) {
      const gap = nowMs - this.#lastMs;
      // Bursts say nothing about silence and would cost time on every record.
      if (gap < 20) return;
      const weight = 1 / 32;
      const difference = gap - this.#mean;
      this.#mean += weight * difference;
      this.#variance = (1 - weight) * (this.#variance + weight * difference * difference);
    }
    this.#lastMs = nowMs;
  }

  phi(nowMs: number): number | null {
    if (this.#lastMs === null) return null;
    const deviation = Math.max(Math.sqrt(this.#variance), this.minDeviationMs);
    const y = (nowMs - this.#lastMs - this.#mean) / deviation;
    const e = Math.exp(-y * (1.5976 + 0.070566 * y * y));
    const tail = y > 0 ? e / (1 + e) : 1 - 1 / (1 + e);
    return Math.min(100, Math.max(0, -Math.log10(Math.max(tail, 1e-100))));
  }
}
