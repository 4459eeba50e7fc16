/**
 * Sessions whose client has not authenticated yet. Each takes one of its server's connections, so a stranger who never answers could take them all.
 * Invariants: never more than `max`, of one address never more than `maxPerAddress`; while others wait, who keeps its server waiting longer than
 * `patienceMs` (less in a flood) loses its place to them.
 */
import type { MonotonicMs } from '../../kernel/ids';

type Entry = { readonly address: string; heard: MonotonicMs };

export type UnprovenLimits = {
  readonly max: number;
  readonly maxPerAddress: number;
  /** Silence of a client whose place somebody else waits for; a busy machine answers late, so a few that wait are no reason to hurry. */
  readonly patienceMs: number;
  /** The same at least, however many wait. */
  readonly floodPatienceMs: number;
};

export class Unproven<Client> {
  readonly #entries = new Map<Client, Entry>();
  readonly #ofAddress = new Map<string, number>();

  constructor(private readonly limits: UnprovenLimits) {}

  get size(): number {
    return this.#entries.size;
  }

  get room(): number {
    return Math.max(0, this.limits.max - this.#entries.size);
  }

  /** From the moment that a server is asked on its behalf. */
  add(client: Client, address: string, now: MonotonicMs): void {
    if (this.#entries.has(client)) return;
    this.#entries.set(client, { address, heard: now });
    this.#ofAddress.set(address, (this.#ofAddress.get(address) ?? 0) + 1);
  }

  /** Authenticated, or gone. */
  remove(client: Client): void {
    const entry = this.#entries.get(client);
    if (entry === undefined) return;
    this.#entries.delete(client);
    const left = (this.#ofAddress.get(entry.address) ?? 1) - 1;
    if (left > 0) this.#ofAddress.set(entry.address, left);
    else this.#ofAddress.delete(entry.address);
  }

  heard(client: Client, now: MonotonicMs): void {
    const entry = this.#entries.get(client);
    if (entry !== undefined) entry.heard = now;
  }

  mayAdd(address: string): boolean {
    return this.room > 0 && (this.#ofAddress.get(address) ?? 0) < this.limits.maxPerAddress;
  }

  /** Who has been silent longest, and too long where so many others wait: the more they are, the less patience. Null: nobody. */
  stalest(now: MonotonicMs, waiting: number): Client | null {
    const { max, patienceMs, floodPatienceMs } = this.limits;
    let found: Client | null = null;
    let since = now - Math.max(floodPatienceMs, patienceMs * Math.min(1, max / Math.max(1, waiting)));
    for (const [client, { heard }] of this.#entries) {
      if (heard > since) continue;
      found = client;
      since = heard;
    }
    return found;
  }
}
