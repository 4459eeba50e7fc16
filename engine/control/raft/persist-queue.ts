/**
 * Group commit: persist effects are written in order; all that gather while one fsync runs share the next.
 *
 * Invariant: the messages of an effect leave only after it and every earlier one is durable.
 */
import type { Entry, HardState, Message, Persist } from './core/model';
import type { RaftLogStorage } from './log-storage';

export type PersistCallbacks = {
  readonly send: (messages: readonly Message[]) => void;
  readonly persisted: (token: number, lastIndex: number, lastTerm: number) => void;
  readonly failed: (error: Error) => void;
};

export class PersistQueue {
  #queue: Persist[] = [];
  #running: Promise<void> | null = null;
  #stopped = false;
  #committedDue = false;

  constructor(
    private readonly storage: RaftLogStorage,
    private readonly callbacks: PersistCallbacks,
  ) {}

  push(effect: Persist): void {
    if (this.#stopped) return;
    if (!this.#running && isEmpty(effect)) {
      this.callbacks.send(effect.messages);
      return;
    }
    this.#queue.push(effect);
    this.#running ??= this.#drain();
  }

  /** Writes how far the log is committed, after what is queued; nothing waits for it. */
  writeCommitted(): void {
    if (this.#stopped) return;
    this.#committedDue = true;
    this.#running ??= this.#drain();
  }

  /** Writes what is queued, then refuses more. */
  async stop(): Promise<void> {
    await this.#running;
    this.#stopped = true;
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#stopped && (this.#queue.length > 0 || this.#committedDue)) {
        if (this.#queue.length > 0) await this.#writeSome();
        else {
          this.#committedDue = false;
          await this.storage.writeCommitted();
        }
      }
    } catch (error) {
      this.#stopped = true;
      this.callbacks.failed(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#running = null;
    }
  }

  async #writeSome(): Promise<void> {
    const special = this.#queue.findIndex((effect) => effect.snapshot !== null || effect.rewrite !== null);
    const batch = this.#queue.splice(0, special === 0 ? 1 : special < 0 ? this.#queue.length : special);
    const last = batch[batch.length - 1]!;
    if (special === 0) await this.#replace(last);
    else {
      const { hard, entries } = merge(batch);
      if (hard || entries.length > 0) await this.storage.append(hard, entries);
    }
    if (this.#stopped) return;
    for (const effect of batch) if (effect.messages.length > 0) this.callbacks.send(effect.messages);
    if (batch.some((effect) => !isEmpty(effect))) this.callbacks.persisted(last.token, last.lastIndex, last.lastTerm);
  }

  async #replace(effect: Persist): Promise<void> {
    if (effect.snapshot) await this.storage.saveSnapshot(effect.snapshot);
    await this.storage.rewrite(effect.rewrite ?? effect.entries, effect.hardState);
  }
}

function isEmpty(effect: Persist): boolean {
  return !effect.hardState && effect.entries.length === 0 && !effect.snapshot && !effect.rewrite;
}

export function merge(batch: readonly Persist[]): {
  readonly hard: HardState | null;
  readonly entries: readonly Entry[];
} {
  let hard: HardState | null = null;
  let entries: readonly Entry[] = [];
  for (const effect of batch) {
    if (effect.hardState) hard = effect.hardState;
    const first = effect.entries[0];
    if (first) entries = [...entries.filter((entry) => entry.index < first.index), ...effect.entries];
  }
  return { hard, entries };
}
