/**
 * `npm run soak:xa -- --rounds 200 --seed 1`: transfers over two groups and MariaDB with kills in their middle. Exit code 1 at the first transfer that is lost or half
 * done, or at a branch that stays prepared. Prints the kills, how fast branches were settled after healing, and the outcomes.
 */
import { parseArgs } from 'node:util';
import { Bank } from '../engine/testing/xa/bank';
import { KillRounds, randomOf } from '../engine/testing/xa/kill-rounds';
import { kills } from '../engine/testing/xa/kills';
import { groups, openXaScene, outsideName } from '../engine/testing/xa/scene';
import { machineFacts, machineLine, say } from './measure/report';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
say(machineLine(await machineFacts()));
const seed = Number(values.seed);
const { cluster, maria, destroy } = await openXaScene();
try {
  const bank = new Bank(cluster, maria && { name: outsideName, server: maria }, groups, seed);
  await bank.open();
  const rounds = new KillRounds(cluster, bank, kills(cluster, groups, maria), randomOf(seed));
  const settled: number[] = [];
  for (let number = 0; number < Number(values.rounds); number++) {
    const { what, settledMs, transfers } = await rounds.round(number);
    settled.push(settledMs);
    say(`${number} ${what}: nothing prepared ${Math.round(settledMs)} ms after healing, ${transfers.length} transfers`);
  }
  settled.sort((a, b) => a - b);
  const count = (outcome: string) => bank.told.filter((one) => one.outcome === outcome).length;
  say(
    `${settled.length} rounds, ${bank.told.length} transfers over ${bank.places.join(', ')}: ${count('committed')} committed, ${count('rolled back')} rolled back, ${count('unknown')} without an answer; 0 lost, 0 half done`,
  );
  say(
    `settled after healing: median ${Math.round(settled[settled.length >> 1]!)} ms, at most ${Math.round(settled.at(-1)!)} ms`,
  );
} catch (error) {
  say(`FAILED: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await destroy();
}
