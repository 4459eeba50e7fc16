/** The network: every message has its own delay (so they overtake each other), may be lost, doubled, or stopped by a one-way cut. */
import type { Message } from '../core/model';
import type { Dice, Timeline } from './events';

export type NetworkOptions = {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly deliver: (message: Message) => void;
  readonly fired: (what: string) => void;
};

export class Network {
  delivered = 0;
  dropProbability = 0.005;
  duplicateProbability = 0.005;
  slowProbability = 0.01;
  readonly #cuts = new Set<string>();

  constructor(private readonly options: NetworkOptions) {}

  send(message: Message): void {
    if (this.#stopped(message.from.id, message.to.id)) return;
    this.#schedule(message);
    if (this.options.dice.chance(this.duplicateProbability)) {
      this.options.fired('duplicate');
      this.#schedule(message);
    }
  }

  /** A request or its answer between two nodes goes the same way. */
  carry(from: string, to: string, job: () => void): void {
    if (from !== to && this.#stopped(from, to)) return;
    this.options.timeline.after(from === to ? 0 : this.#delay(), () => {
      if (from === to || !this.#cuts.has(`${from}>${to}`)) job();
    });
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

  #schedule(message: Message): void {
    this.options.timeline.after(this.#delay(), () => {
      if (this.#cuts.has(`${message.from.id}>${message.to.id}`)) return;
      this.delivered++;
      this.options.deliver(message);
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
