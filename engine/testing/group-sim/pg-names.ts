/** The list of synchronous standbys as the simulated server answers for it; the order of steps is the product's own (`postgres/sync-standbys.ts`). */
import type { Loop } from '../../kernel/loop';
import { pollUntil } from '../../kernel/waiting';
import { standbyName } from '../../postgres/settings';
import type { StandbyNames } from '../../postgres/sync-standbys';
import { tag } from './pg-data';
import type { PgEngine } from './pg-engine';

export type Questions = {
  ask<T>(act: () => T): Promise<T>;
  /** @throws when the server takes no connection */
  mustAnswer(): void;
};

export class SimStandbyNames implements StandbyNames {
  constructor(
    private readonly engine: PgEngine,
    private readonly loop: Loop,
    private readonly questions: Questions,
  ) {}

  #until(
    probe: () => boolean,
    limits: { readonly timeoutMs: number; readonly intervalMs: number; readonly what: string },
  ) {
    const seen = () => {
      this.questions.mustAnswer();
      return probe() ? true : undefined;
    };
    return pollUntil(this.loop, seen, limits);
  }

  look(): Promise<{ names: string; recovering: boolean }> {
    return this.questions.ask(() => ({
      names: this.engine.setting('synchronous_standby_names'),
      recovering: this.engine.role !== 'primary',
    }));
  }
  async write(text: string, now: string): Promise<void> {
    if (now !== text) await this.questions.ask(() => this.engine.alter({ synchronous_standby_names: text }));
    const reads = () => this.engine.setting('synchronous_standby_names') === text;
    await this.#until(reads, { timeoutMs: 5_000, intervalMs: 5, what: 'the list reads as it was written' });
  }
  async namesOf(members: readonly string[]): Promise<readonly string[]> {
    return members.map((node) => standbyName(node, tag));
  }
  async sendersAgree(names: readonly string[]): Promise<void> {
    const agree = () =>
      [...this.engine.streams.values()].every(
        (one) => !one.open || one.standby === null || one.names.members.includes(one.name) === names.includes(one.name),
      );
    await this.#until(agree, { timeoutMs: 5_000, intervalMs: 5, what: 'every walsender takes the new list' });
  }
  async seeCommitWait(): Promise<void> {
    const waits = () => {
      // A probe that does not wait is a write.
      if (!this.engine.commitsWait) this.engine.append(this.engine.world.checker.nextId());
      return this.engine.commitsWait;
    };
    await this.#until(waits, { timeoutMs: 1_000, intervalMs: 50, what: 'commits wait' });
  }
}
