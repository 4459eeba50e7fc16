/**
 * The full count of simulator runs: `node --import tsx engine/control/raft/sim/soak.ts --runs 10000 --from-seed 1 [--resume file] [--go-on]`.
 * Prints the distribution; with --resume a killed soak goes on where it was. On a violation: seed and replay command, exit code 1; with --go-on after the
 * last run.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Distribution } from './distribution';
import { runSeed } from './run';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    'from-seed': { type: 'string', default: '1' },
    resume: { type: 'string' },
    'go-on': { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  const wanted = Number(values.runs);
  const distribution = new Distribution();
  let seed = Number(values['from-seed']);
  let violated: number[] = [];
  if (values.resume && existsSync(values.resume)) {
    const saved = JSON.parse(readFileSync(values.resume, 'utf8'));
    seed = saved.nextSeed;
    distribution.load(saved.distribution);
    violated = saved.violated ?? [];
  }
  const save = () => {
    if (values.resume)
      writeFileSync(values.resume, JSON.stringify({ nextSeed: seed, distribution: distribution.save(), violated }));
  };
  while (distribution.counting < wanted) {
    const startedAt = performance.now();
    try {
      distribution.add(await runSeed(seed), performance.now() - startedAt);
    } catch (error) {
      console.error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
      console.error(`replay: node --import tsx engine/control/raft/sim/soak.ts --runs 1 --from-seed ${seed}`);
      violated.push(seed);
      if (!values['go-on']) {
        save();
        return 1;
      }
    }
    seed++;
    if (seed % 200 === 0) {
      save();
      console.error(`${distribution.counting} of ${wanted} counting runs, next seed ${seed}`);
    }
  }
  save();
  console.log(distribution.print());
  if (violated.length > 0) console.error(`violations in ${violated.length} runs: seeds ${violated.join(', ')}`);
  return violated.length > 0 ? 1 : 0;
}

process.exitCode = await main();
