/**
 * Many seeded runs: `npm run simulate -- --group --runs 10000 [--suite each|lease|promise|voter-set|all] [--from-seed N] [--threads 2]
 * [--resume file] [--go-on]`. `--runs` counts counting runs only. With `--resume` what was found so far is kept in the file, so an interrupted soak goes
 * on where it was. Prints the distribution; ends with 1 and the replay command at the first violation, or, with `--go-on`, after the last run.
 * `--trace` prints everything that happened in the first run; `--mutation` hunts for one deliberate mistake instead.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Distribution, type SavedDistribution } from './distribution';
import type { Suite } from './faults';
import { runMutant } from './mutant';
import { findMutation } from './mutations';
import { type RunResult, runGroup } from './simulation';
import { bundleSimulation, SimulationWorker } from './simulation-worker';

type Choice = Suite | 'each';
/** `left` was begun and not finished. */
type Saved = { suite: Choice; next: number; left: number[]; found: SavedDistribution };

const inTurn: readonly Suite[] = ['lease', 'promise', 'voter-set', 'all'];
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    suite: { type: 'string', default: 'each' },
    'from-seed': { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    resume: { type: 'string' },
    'go-on': { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    mutation: { type: 'string' },
  },
});
const choice = values.suite as Choice;
const suiteOf = (seed: number): Suite => (choice === 'each' ? inTurn[seed % inTurn.length]! : choice);
const wanted = Number(values.runs);

class Soak {
  readonly distribution = new Distribution();
  readonly #begun = new Set<number>();
  readonly #again: number[] = [];
  #next = Number(values['from-seed']);
  #stopped = false;

  load(file: string): void {
    const saved = JSON.parse(readFileSync(file, 'utf8')) as Saved;
    if (saved.suite !== choice) throw new Error(`${file} is of --suite ${saved.suite}`);
    this.#next = saved.next;
    this.#again.push(...saved.left);
    this.distribution.load(saved.found);
  }
  save(file: string): void {
    const left = [...this.#begun, ...this.#again];
    const saved: Saved = { suite: choice, next: this.#next, left, found: this.distribution.saved() };
    writeFileSync(`${file}.new`, JSON.stringify(saved));
    renameSync(`${file}.new`, file);
  }
  stop(): void {
    this.#stopped = true;
  }
  /** One thread's share: seed after seed until enough runs count. */
  async work(run: (seed: number) => Promise<RunResult>): Promise<void> {
    while (!this.#stopped && this.distribution.counting < wanted) {
      const seed = this.#again.shift() ?? this.#next++;
      this.#begun.add(seed);
      const result = await run(seed);
      this.#begun.delete(seed);
      this.#judge(result);
    }
  }
  #judge(result: RunResult): void {
    const { distribution } = this;
    distribution.add(result);
    const { seed, suite, violations } = result;
    if (violations.length > 0) {
      console.error(`seed ${seed} (${suite}):\n  ${violations.join('\n  ')}`);
      console.error(`replay: npm run simulate -- --group --runs 1 --suite ${suite} --from-seed ${seed}`);
      if (!values['go-on']) this.#stopped = true;
    }
    if (distribution.runs % 100 !== 0) return;
    if (values.resume !== undefined) this.save(values.resume);
    console.error(`${distribution.counting} of ${wanted} counting runs, ${distribution.runs} in all`);
  }
  get place(): string {
    return `${choice}: ${this.distribution.counting} counting runs of ${this.distribution.runs}, next seed ${this.#next}`;
  }
}

async function hunt(name: string): Promise<number> {
  const mutation = findMutation(name);
  const suite = choice === 'each' ? mutation.suite : choice;
  const found = await runMutant(mutation, {
    suite,
    from: Number(values['from-seed']),
    runs: wanted,
    print: values.trace,
  });
  console.log(found === null ? `${name}: not caught in ${wanted} runs` : `seed ${found.seed}: ${found.violations[0]}`);
  return found === null ? 1 : 0;
}

async function main(): Promise<number> {
  if (values.mutation !== undefined) return hunt(values.mutation);
  const soak = new Soak();
  if (values.resume !== undefined && existsSync(values.resume)) soak.load(values.resume);
  const begin = performance.now();
  const before = soak.distribution.runs;
  if (values.trace) {
    await soak.work(async (seed) => {
      soak.stop();
      return runGroup({ seed, suite: suiteOf(seed), trace: (line) => console.log(line) });
    });
  } else {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => soak.stop());
    const code = await bundleSimulation();
    const threads = Array.from({ length: Math.min(wanted, Number(values.threads)) }, () => new SimulationWorker(code));
    await Promise.all(threads.map((one) => soak.work((seed) => one.run({ seed, suite: suiteOf(seed) }))));
    await Promise.all(threads.map((one) => one.end()));
  }
  if (values.resume !== undefined) soak.save(values.resume);
  const seconds = (performance.now() - begin) / 1000;
  const perRun = Math.round((seconds * 1000) / Math.max(1, soak.distribution.runs - before));
  console.log(`${soak.place}; ${seconds.toFixed(0)} s here, one each ${perRun} ms\n${soak.distribution.text()}`);
  return soak.distribution.violating > 0 ? 1 : 0;
}

process.exitCode = await main();
