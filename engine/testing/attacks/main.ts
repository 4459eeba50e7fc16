/**
 * `npm run attacks`: the same attacks on a running installation, by hand. It makes keys and a table, floods ports and restarts a standby: for one that
 * nobody works with. RUSTYDB_DATA_DIR, RUSTYDB_PORT and RUSTYDB_API_KEY (an admin's) say which; groups by the first and the last name.
 */
import { RealCluster } from '../real-cluster';
import { held } from './attack';
import { attack, line, possible, targetOf } from './suite';

const { RUSTYDB_DATA_DIR = './data', RUSTYDB_PORT = '8080', RUSTYDB_API_KEY } = process.env;
if (!RUSTYDB_API_KEY) throw new Error('RUSTYDB_API_KEY names no admin key');
const cluster = RealCluster.running(RUSTYDB_DATA_DIR, Number(RUSTYDB_PORT), RUSTYDB_API_KEY);
const groups = [...new Set((await cluster.nodes()).map((node) => node.group))].sort();
const target = targetOf(cluster, groups[0]!, groups.at(-1)!);
let crossed = 0;
for (const one of possible) {
  const outcome = await attack(one, target);
  if (outcome.verdict !== held) crossed++;
  console.log(line(outcome));
}
console.log(`${possible.length} attempts, ${crossed} boundaries crossed`);
process.exitCode = crossed === 0 ? 0 : 1;
