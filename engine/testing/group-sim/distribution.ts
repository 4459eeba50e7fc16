/** What a number of runs saw, as a table: how they came out, quantiles of what was counted and waited for, and how often each fault and path fired. */
import type { RunResult } from './simulation';

export type SavedDistribution = {
  readonly outcomes: Record<string, number>;
  readonly series: Record<string, readonly number[]>;
  readonly fired: Record<string, number>;
};

export class Distribution {
  readonly #outcomes = new Map<string, number>();
  readonly #series = new Map<string, number[]>();
  readonly #fired = new Map<string, number>();

  add(result: RunResult): void {
    this.#count(this.#outcomes, result.outcome, 1);
    const { counters } = result;
    this.#note('messages delivered', counters.deliveries);
    this.#note('faults', counters.faults);
    this.#note('writes acknowledged', counters.acknowledged);
    this.#note('promotions', counters.promotions);
    this.#note('takeovers of the store', counters.takeovers);
    this.#note('ms to heal in the end', result.healedAfterMs);
    for (const wait of counters.takeoverWaits) this.#note('ms without writes, new primary', wait);
    this.#note('ms without writes, longest', counters.longestWaitMs);
    for (const [name, count] of Object.entries(counters.fired)) this.#count(this.#fired, name, count);
  }
  #note(series: string, value: number): void {
    const found = this.#series.get(series);
    if (found) found.push(Math.round(value));
    else this.#series.set(series, [Math.round(value)]);
  }
  #count(where: Map<string, number>, name: string, count: number): void {
    where.set(name, (where.get(name) ?? 0) + count);
  }

  get runs(): number {
    return [...this.#outcomes.values()].reduce((sum, one) => sum + one, 0);
  }
  get counting(): number {
    return this.#outcomes.get('counts') ?? 0;
  }
  get violating(): number {
    return this.#outcomes.get('violation') ?? 0;
  }
  fired(name: string): number {
    return this.#fired.get(name) ?? 0;
  }

  saved(): SavedDistribution {
    return {
      outcomes: Object.fromEntries(this.#outcomes),
      series: Object.fromEntries(this.#series),
      fired: Object.fromEntries(this.#fired),
    };
  }
  load({ outcomes, series, fired }: SavedDistribution): void {
    for (const [name, count] of Object.entries(outcomes)) this.#count(this.#outcomes, name, count);
    for (const [name, values] of Object.entries(series)) for (const value of values) this.#note(name, value);
    for (const [name, count] of Object.entries(fired)) this.#count(this.#fired, name, count);
  }

  text(): string {
    const table = [...this.#series].map(([name, values]) => {
      const sorted = [...values].sort((a, b) => a - b);
      const at = (q: number) => String(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]).padStart(6);
      return `  ${name.padEnd(31)} min ${at(0)}  p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)}  max ${at(1)}`;
    });
    return [...counted(this.#outcomes), ...table, ...counted(this.#fired)].join('\n');
  }
}

function counted(all: ReadonlyMap<string, number>): string[] {
  return [...all].sort((a, b) => b[1] - a[1]).map(([name, count]) => `  ${String(count).padStart(8)}  ${name}`);
}
