/** Where mutations show: `node --import tsx engine/control/raft/sim/hunt.ts [--runs N] [--from-seed N] [part of a name…]`. Prints the first seed that catches each. */
import { parseArgs } from 'node:util';
import { hunt } from './mutate';
import { mutations } from './mutations';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '40' }, 'from-seed': { type: 'string', default: '1' } },
});
const wanted = mutations.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
for (const mutation of wanted) {
  const begun = performance.now();
  const caught = await hunt(mutation, Number(values['from-seed']), Number(values.runs));
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${mutation.name}: ${caught ? `seed ${caught.seed}: ${caught.caughtBy}` : 'NOT CAUGHT'} (${seconds} s)`);
}
