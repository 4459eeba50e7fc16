/**
 * Seeded rounds of transfers with kills in their middle: after every step, one at a time and two at once, while other transfers run. After each round and its
 * healing nothing may be prepared for longer than `settleMs`, and the bank must be whole.
 */
import { pollUntil } from '../../kernel/async';
import type { RealCluster } from '../real-cluster';
import type { Bank, Told } from './bank';
import type { Kill } from './kills';

const settleMs = 10_000;
const healMs = 120_000;
const steps = ['start', 'end', 'prepare', 'commit', 'one call'] as const;

export type Round = { readonly what: string; readonly settledMs: number; readonly transfers: readonly Told[] };

export class KillRounds {
  constructor(
    private readonly cluster: RealCluster,
    private readonly bank: Bank,
    private readonly kinds: readonly Kill[],
    private readonly random: () => number,
  ) {}

  /** @throws when something is lost, half done, or left prepared */
  async round(number: number): Promise<Round> {
    const { bank, cluster } = this;
    const struck = this.#chosen(number);
    const step = steps[Math.floor(this.random() * steps.length)]!;
    const what = `${struck.map(({ name }) => name).join(' and ')} killed after ${step}`;
    const before = bank.told.length;
    let running = true;
    const beside = (async () => {
      while (running) await bank.transfer(false, async () => undefined);
    })();
    const strike = async () => {
      const [first, second] = struck;
      await first!.strike();
      // The first may have taken it with it.
      await second?.strike().catch(() => undefined);
    };
    if (step === 'one call') {
      const transfer = bank.transfer(false, async () => undefined);
      await strike();
      await transfer;
    } else {
      await bank.transfer(true, async (done) => {
        if (done === step) await strike();
      });
    }
    for (const one of struck) await one.mend();
    await (await cluster.door()).healed(healMs, 500);
    running = false;
    await beside;
    const settledMs = await this.#settled(what);
    const wrong = await bank.check();
    if (wrong.length > 0) throw new Error(`${what}: ${wrong.join('; ')}`);
    return { what, settledMs, transfers: bank.told.slice(before) };
  }

  /** Each kind in turn; in every third round another one with it. */
  #chosen(number: number): readonly Kill[] {
    const first = this.kinds[number % this.kinds.length]!;
    const second = this.kinds[Math.floor(this.random() * this.kinds.length)]!;
    return number % 3 === 2 && second !== first ? [first, second] : [first];
  }

  async #settled(what: string): Promise<number> {
    const from = performance.now();
    await pollUntil(
      async () => {
        const found = await this.bank.prepared();
        if (found.length > 0) throw new Error(found.join(', '));
        return true;
      },
      { timeoutMs: settleMs, intervalMs: 50, what: `${what}: nothing is prepared any more` },
    );
    return performance.now() - from;
  }
}

/** mulberry32: the same numbers for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
