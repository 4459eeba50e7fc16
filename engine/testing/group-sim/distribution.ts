/** What a number of runs saw, as a table: quantiles of the counters and how often each fault and each rare path fired. */
import type { RunResult } from './simulation';

export class Distribution {
  readonly #series: Record<string, number[]> = {};
  readonly #fired = new Map<string, number>();
  runs = 0;
  counting = 0;

  add(result: RunResult): void {
    this.runs++;
    if (result.counting) this.counting++;
    const { deliveries, faults, acknowledged, promotions, takeovers } = result.counters;
    const row = { deliveries, faults, acknowledged, promotions, 'controller takeovers': takeovers };
    for (const [name, value] of Object.entries(row)) {
      this.#series[name] ??= [];
      this.#series[name].push(value);
    }
    for (const [name, count] of Object.entries(result.counters.fired))
      this.#fired.set(name, (this.#fired.get(name) ?? 0) + count);
  }

  fired(name: string): number {
    return this.#fired.get(name) ?? 0;
  }

  text(): string {
    const quantile = (sorted: readonly number[], q: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
    const lines = Object.entries(this.#series).map(([name, values]) => {
      const sorted = [...values].sort((a, b) => a - b);
      return `  ${name.padEnd(22)} min ${sorted[0]}  p50 ${quantile(sorted, 0.5)}  p95 ${quantile(sorted, 0.95)}  max ${sorted.at(-1)}`;
    });
    const fired = [...this.#fired]
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => `  ${String(count).padStart(7)}  ${name}`);
    return [...lines, ...fired].join('\n');
  }
}
