/** Transfers over two groups and MariaDB, each of whose helpers is killed once; `npm run soak:xa` does it 200 times. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Bank } from './xa/bank';
import { KillRounds, randomOf } from './xa/kill-rounds';
import { kills } from './xa/kills';
import { groups, openXaScene, outsideName, type XaScene } from './xa/scene';

let scene: XaScene;

beforeAll(async () => {
  scene = await openXaScene();
});
afterAll(() => scene?.destroy());

it('keeps the bank whole whoever is killed', async () => {
  const { cluster, maria } = scene;
  const bank = new Bank(cluster, maria && { name: outsideName, server: maria }, groups, 1);
  await bank.open();
  const kinds = kills(cluster, groups, maria);
  const rounds = new KillRounds(cluster, bank, kinds, randomOf(1));
  for (let number = 0; number < kinds.length + 1; number++) await rounds.round(number);
  // A test of nothing would pass as well.
  expect(bank.told.filter(({ outcome }) => outcome === 'committed').length).toBeGreaterThan(kinds.length);
}, 480_000);
