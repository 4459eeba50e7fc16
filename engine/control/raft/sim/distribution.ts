/** What many runs came to: how many counted, the spread of what happened in them, how often each thing fired. */
import type { RunResult } from './run';

const measures = ['deliveries', 'faults', 'leaderLosses', 'operations', 'takeovers', 'virtualMs', 'ms'] as const;
type Measure = (typeof measures)[number];

type Saved = {
  readonly runs: number;
  readonly counting: number;
  readonly samples: Record<Measure, number[]>;
  readonly fired: readonly (readonly [string, number])[];
};

export class Distribution {
  runs = 0;
  counting = 0;
  readonly fired = new Map<string, number>();
  #samples: Record<Measure, number[]> = {
    deliveries: [],
    faults: [],
    leaderLosses: [],
    operations: [],
    takeovers: [],
    virtualMs: [],
    ms: [],
  };

  add(result: RunResult, ms: number): void {
    this.runs++;
    for (const [what, count] of result.fired) this.fired.set(what, (this.fired.get(what) ?? 0) + count);
    if (!result.counts) return;
    this.counting++;
    const all = { ...result, ms };
    for (const measure of measures) this.#samples[measure].push(Math.round(all[measure]));
  }

  print(): string {
    const lines = [`${this.counting} counting runs of ${this.runs}`, 'measure: min / p10 / median / p90 / max'];
    for (const measure of measures) {
      const sorted = [...this.#samples[measure]].sort((a, b) => a - b);
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
      lines.push(`  ${measure}: ${at(0)} / ${at(0.1)} / ${at(0.5)} / ${at(0.9)} / ${at(1)}`);
    }
    lines.push('fired:');
    for (const [what, count] of [...this.fired].sort()) lines.push(`  ${what}: ${count}`);
    return lines.join('\n');
  }

  save(): Saved {
    return { runs: this.runs, counting: this.counting, samples: this.#samples, fired: [...this.fired] };
  }

  load(saved: Saved): void {
    this.runs = saved.runs;
    this.counting = saved.counting;
    this.#samples = saved.samples;
    for (const [what, count] of saved.fired) this.fired.set(what, count);
  }
}
