/**
 * Many seeded runs: `node --import tsx engine/testing/group-sim/soak.ts --runs 10000 [--suite lease|promise|voter-set|all] [--from-seed N] [--resume file]`.
 * `--runs` counts counting runs only. With `--resume` progress is kept in the file, so an interrupted soak goes on where it was.
 * Prints the distribution; ends with 1 and the replay command at the first violation.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Distribution } from './distribution';
import type { Suite } from './faults';
import { runMutant } from './mutant';
import { findMutation } from './mutations';
import { runGroup } from './simulation';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    suite: { type: 'string', default: 'all' },
    'from-seed': { type: 'string', default: '1' },
    resume: { type: 'string' },
    /** Prints everything that happened in the run. */
    trace: { type: 'boolean', default: false },
    mutation: { type: 'string' },
  },
});
const suite = values.suite as Suite;
const wanted = Number(values.runs);
type Saved = { suite: Suite; seed: number; counting: number; runs: number };
let saved: Saved = { suite, seed: Number(values['from-seed']), counting: 0, runs: 0 };
if (values.resume !== undefined && existsSync(values.resume)) {
  const found = JSON.parse(readFileSync(values.resume, 'utf8')) as Saved;
  if (found.suite === suite) saved = found;
}
const trace = values.trace ? (line: string) => console.log(line) : undefined;
if (values.mutation !== undefined) {
  const found = await runMutant(findMutation(values.mutation), { suite, from: saved.seed, runs: wanted });
  console.log(
    found === null
      ? `${values.mutation}: not caught in ${wanted} runs`
      : `seed ${found.seed}: ${found.violations.join('; ')}`,
  );
  process.exit(found === null ? 1 : 0);
}
const distribution = new Distribution();
const begin = performance.now();
let here = 0;
while (saved.counting < wanted) {
  const result = await runGroup({ seed: saved.seed, suite, trace });
  distribution.add(result);
  here++;
  if (result.violations.length > 0) {
    console.error(`seed ${saved.seed} (${suite}):\n  ${result.violations.join('\n  ')}`);
    console.error(
      `replay: node --import tsx engine/testing/group-sim/soak.ts --runs 1 --suite ${suite} --from-seed ${saved.seed}`,
    );
    process.exitCode = 1;
    break;
  }
  saved = { suite, seed: saved.seed + 1, counting: saved.counting + Number(result.counting), runs: saved.runs + 1 };
  if (values.resume !== undefined && (saved.runs % 100 === 0 || saved.counting >= wanted))
    writeFileSync(values.resume, JSON.stringify(saved));
}
const seconds = (performance.now() - begin) / 1000;
console.log(
  `${suite}: ${saved.counting} counting runs of ${saved.runs}, next seed ${saved.seed}; ${seconds.toFixed(1)} s here, ${((seconds * 1000) / Math.max(1, here)).toFixed(0)} ms a run`,
);
console.log(distribution.text());
