/** Holds the injected faults of one process and tells listeners when what acts may have changed, also when a fault ends by itself. */
import type { NodeId } from '../kernel/ids';
import type { Fault } from './api';
import { type FaultPath, faultsOn, isActive, nextExpiry, noFaults, type PathFaults } from './faults';

const longestTimerMs = 3_600_000;

export class FaultState {
  #faults: readonly Fault[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(readonly channel: FaultPath['channel']) {}

  set(faults: readonly Fault[]): void {
    this.#faults = faults.map((fault) => ({ ...fault }));
    this.#changed();
  }

  active(): readonly Fault[] {
    const now = Date.now();
    return this.#faults.filter((fault) => isActive(fault, now));
  }

  on(peer: NodeId | null, direction: 'in' | 'out'): PathFaults {
    if (this.#faults.length === 0 || peer === null) return noFaults;
    return faultsOn(this.#faults, { peer, direction, channel: this.channel }, Date.now());
  }

  partitioned(peer: NodeId | null): boolean {
    return this.on(peer, 'in').partitioned || this.on(peer, 'out').partitioned;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once no partition holds the way from (or to) this peer, or the signal is aborted. */
  passable(peer: NodeId | null, signal: AbortSignal): Promise<void> {
    if (!this.partitioned(peer) || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const check = () => {
        if (!signal.aborted && this.partitioned(peer)) return;
        off();
        signal.removeEventListener('abort', check);
        resolve();
      };
      const off = this.onChange(check);
      signal.addEventListener('abort', check);
    });
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#listeners.clear();
  }

  #changed(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const now = Date.now();
    const next = nextExpiry(this.#faults, now);
    if (next !== null) {
      this.#timer = setTimeout(() => this.#changed(), Math.min(longestTimerMs, next - now + 1));
      this.#timer.unref();
    }
    for (const listener of [...this.#listeners]) listener();
  }
}
