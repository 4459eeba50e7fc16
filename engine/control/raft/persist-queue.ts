/**
 * Group commit: persist effects are written in order; all that gather while one fsync runs share the next.
 *
 * Invariant: the messages of an effect leave only after it and every earlier one is durable. On a full disk all waits in its order and is tried again.
 */
import type { Loop, Timer } from '../../kernel/loop';
import type { Entry, HardState, Message, Persist } from './core/model';
import { DiskFull, type RaftLogStorage } from './log-storage';

export type PersistCallbacks = {
  readonly send: (messages: readonly Message[]) => void;
  readonly persisted: (token: number, lastIndex: number, lastTerm: number) => void;
  readonly failed: (error: Error) => void;
  /** The disk is full: what is queued waits. */
  readonly full: (error: Error) => void;
  /** All that waited is written. */
  readonly roomAgain: () => void;
};

/** How long after a write found no room the next one is tried. */
const retryEveryMs = 500;

export class PersistQueue {
  #queue: Persist[] = [];
  #running: Promise<void> | null = null;
  #stopped = false;
  #committedDue = false;
  /** Set while the disk is full: the next try. */
  #retry: Timer | null = null;

  constructor(
    private readonly storage: RaftLogStorage,
    private readonly loop: Loop,
    private readonly callbacks: PersistCallbacks,
  ) {}

  push(effect: Persist): void {
    if (this.#stopped) return;
    if (!this.#running && !this.#retry && isEmpty(effect)) {
      this.callbacks.send(effect.messages);
      return;
    }
    this.#queue.push(effect);
    this.#begin();
  }

  /** Writes how far the log is committed, after what is queued; nothing waits for it. */
  writeCommitted(): void {
    if (this.#stopped) return;
    this.#committedDue = true;
    this.#begin();
  }

  #begin(): void {
    if (!this.#retry) this.#running ??= this.#drain();
  }

  /** Writes what is queued, then refuses more. */
  async stop(): Promise<void> {
    await this.#running;
    this.#stopped = true;
    this.#retry?.cancel();
  }

  async #drain(wasFull = false): Promise<void> {
    try {
      while (!this.#stopped && (this.#queue.length > 0 || this.#committedDue)) {
        if (this.#queue.length > 0) await this.#writeSome();
        else await this.#writeCommitted();
      }
      if (wasFull && !this.#stopped) this.callbacks.roomAgain();
    } catch (error) {
      if (error instanceof DiskFull) this.#waitForRoom(error, wasFull);
      else {
        this.#stopped = true;
        this.callbacks.failed(error instanceof Error ? error : new Error(String(error)));
      }
    } finally {
      this.#running = null;
    }
  }

  async #writeCommitted(): Promise<void> {
    this.#committedDue = false;
    try {
      await this.storage.writeCommitted();
    } catch (error) {
      this.#committedDue = true;
      throw error;
    }
  }

  #waitForRoom(error: DiskFull, wasFull: boolean): void {
    if (this.#stopped) return;
    this.#retry = this.loop.after(retryEveryMs, () => {
      this.#retry = null;
      this.#running ??= this.#drain(true);
    });
    if (!wasFull) this.callbacks.full(error);
  }

  async #writeSome(): Promise<void> {
    const special = this.#queue.findIndex((effect) => effect.snapshot !== null || effect.rewrite !== null);
    // Taken out only when it is written: a full disk leaves the queue as it was.
    const batch =
      special === 0 ? this.#queue.slice(0, 1) : atMost(this.#queue, special < 0 ? this.#queue.length : special);
    const last = batch[batch.length - 1]!;
    if (special === 0) await this.#replace(last);
    else {
      const { hard, entries } = merge(batch);
      if (hard || entries.length > 0) await this.storage.append(hard, entries);
    }
    this.#queue.splice(0, batch.length);
    if (this.#stopped) return;
    for (const effect of batch) if (effect.messages.length > 0) this.callbacks.send(effect.messages);
    if (batch.some((effect) => !isEmpty(effect))) this.callbacks.persisted(last.token, last.lastIndex, last.lastTerm);
  }

  async #replace(effect: Persist): Promise<void> {
    if (effect.snapshot) await this.storage.saveSnapshot(effect.snapshot, effect.snapshot.parts);
    await this.storage.rewrite(effect.rewrite ?? effect.entries, effect.hardState);
  }
}

function isEmpty(effect: Persist): boolean {
  return !effect.hardState && effect.entries.length === 0 && !effect.snapshot && !effect.rewrite;
}

/** One frame is one piece of text: what many writes gathered is written in several. */
const maxBatchChars = 512 << 10;

function atMost(queue: readonly Persist[], count: number): readonly Persist[] {
  let chars = 0;
  for (let at = 0; at < count; at++) {
    for (const entry of queue[at]!.entries) chars += entry.data.length;
    if (chars > maxBatchChars) return queue.slice(0, Math.max(1, at));
  }
  return queue.slice(0, count);
}

export function merge(batch: readonly Persist[]): {
  readonly hard: HardState | null;
  readonly entries: readonly Entry[];
} {
  let hard: HardState | null = null;
  let entries: Entry[] = [];
  for (const effect of batch) {
    if (effect.hardState) hard = effect.hardState;
    const first = effect.entries[0];
    if (!first) continue;
    const last = entries[entries.length - 1];
    if (last && first.index <= last.index) entries = entries.filter((entry) => entry.index < first.index);
    for (const entry of effect.entries) entries.push(entry);
  }
  return { hard, entries };
}
