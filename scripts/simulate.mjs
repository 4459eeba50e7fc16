// `npm run simulate -- --group …` or `-- --store …`: seeded runs of the group or of the control store, with their distribution at the end. What else is
// given goes to the simulator (engine/testing/group-sim/soak.ts, engine/control/raft/sim/soak.ts).
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const soaks = { '--group': 'engine/testing/group-sim/soak.ts', '--store': 'engine/control/raft/sim/soak.ts' };
const given = process.argv.slice(2);
const which = given.find((one) => one in soaks);
if (which === undefined) {
  console.error('npm run simulate -- --group|--store [--runs N] [--from-seed N] [--resume file]');
  process.exit(2);
}
process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const rest = given.filter((one) => one !== which);
const child = spawn(process.execPath, ['--import', 'tsx', soaks[which], ...rest], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', (code) => process.exit(code ?? 1));
