/** The network: everything that is carried has its own delay (so it overtakes), may be lost, doubled, or stopped by a one-way cut. */
import type { Dice, Timeline } from './events';

export type NetworkOptions = {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly fired: (what: string) => void;
};

export class Network {
  delivered = 0;
  dropProbability = 0.005;
  duplicateProbability = 0.005;
  slowProbability = 0.01;
  readonly #cuts = new Set<string>();

  constructor(private readonly options: NetworkOptions) {}

  /** `deliver` runs each time it arrives, which may be never or twice. */
  carry(from: string, to: string, deliver: () => void): void {
    if (this.#stopped(from, to)) return;
    this.#schedule(from, to, deliver);
    if (this.options.dice.chance(this.duplicateProbability)) {
      this.options.fired('duplicate');
      this.#schedule(from, to, deliver);
    }
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(from: string, to: string): void {
    this.#cuts.delete(`${from}>${to}`);
  }

  becomePerfect(): void {
    this.#cuts.clear();
    this.dropProbability = 0;
    this.duplicateProbability = 0;
    this.slowProbability = 0;
  }

  #schedule(from: string, to: string, deliver: () => void): void {
    this.options.timeline.after(this.#delay(), () => {
      if (this.#cuts.has(`${from}>${to}`)) return;
      this.delivered++;
      deliver();
    });
  }

  #stopped(from: string, to: string): boolean {
    if (this.#cuts.has(`${from}>${to}`)) return true;
    if (!this.options.dice.chance(this.dropProbability)) return false;
    this.options.fired('drop');
    return true;
  }

  #delay(): number {
    const { dice } = this.options;
    if (!dice.chance(this.slowProbability)) return dice.between(0.2, 2);
    this.options.fired('delay');
    return dice.between(5, 300);
  }
}
