/** Where mutations show: `node --import tsx engine/testing/group-sim/hunt.ts [--runs N] [--suite S] [name…]`. Prints the first seed that catches each. */
import { parseArgs } from 'node:util';
import { runMutant } from './mutant';
import { findMutation, mutations } from './mutations';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '40' }, suite: { type: 'string' }, from: { type: 'string' } },
});
for (const mutation of positionals.length > 0 ? positionals.map(findMutation) : mutations) {
  const begun = performance.now();
  const suite = (values.suite ?? mutation.suite) as typeof mutation.suite;
  const hunt = { suite, from: Number(values.from ?? mutation.from), runs: Number(values.runs) };
  const caught = await runMutant(mutation, hunt).catch((error: unknown) => ({ seed: -1, violations: [String(error)] }));
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${mutation.name} (${suite}): ${caught === null ? 'NOT CAUGHT' : `seed ${caught.seed}: ${caught.violations[0]}`} (${seconds} s)`,
  );
}
