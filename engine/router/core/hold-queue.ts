/**
 * Client connections that have said who they are and wait for a server: no primary yet, or their attempt to connect failed and will be
 * repeated. Invariants: never more than `limit` of them; none waits past its deadline; first come, first tried.
 */
import type { MonotonicMs } from '../../kernel/ids';

export type Held<Client> = {
  readonly client: Client;
  readonly since: MonotonicMs;
  readonly deadline: MonotonicMs;
};

type Entry<Client> = Held<Client> & {
  trying: boolean;
  notBefore: MonotonicMs;
};

export type Choice<Client> = {
  /** Not to be tried now; it keeps its place. */
  readonly may?: (client: Client) => boolean;
  readonly newestFirst?: boolean;
};

export class HoldQueue<Client> {
  /** In order of arrival; an entry keeps its place while it is being tried. */
  readonly #entries = new Map<Client, Entry<Client>>();
  #trying = 0;

  constructor(readonly limit: number) {}

  get size(): number {
    return this.#entries.size;
  }

  get trying(): number {
    return this.#trying;
  }

  /** False: full, nothing changed. */
  add(client: Client, now: MonotonicMs, holdMs: number): boolean {
    if (this.#entries.size >= this.limit) return false;
    this.#entries.set(client, { client, since: now, deadline: now + holdMs, trying: false, notBefore: now });
    return true;
  }

  has(client: Client): boolean {
    return this.#entries.has(client);
  }

  remove(client: Client): Held<Client> | null {
    const entry = this.#entries.get(client);
    if (entry === undefined) return null;
    if (entry.trying) this.#trying--;
    this.#entries.delete(client);
    return entry;
  }

  /** The oldest (or the newest) that may be tried now while fewer than `maxTrying` are; it counts as being tried from here on. */
  take(now: MonotonicMs, maxTrying: number, which: Choice<Client> = {}): Held<Client> | null {
    if (this.#trying >= maxTrying) return null;
    let chosen: Entry<Client> | null = null;
    for (const entry of this.#entries.values()) {
      if (entry.trying || entry.notBefore > now || which.may?.(entry.client) === false) continue;
      chosen = entry;
      if (!which.newestFirst) break;
    }
    if (chosen === null) return null;
    chosen.trying = true;
    this.#trying++;
    return chosen;
  }

  /** The attempt failed or was not allowed: back to its place, not to be tried before `notBefore`. False: no longer held. */
  putBack(client: Client, notBefore: MonotonicMs): boolean {
    const entry = this.#entries.get(client);
    if (entry === undefined) return false;
    if (entry.trying) this.#trying--;
    entry.trying = false;
    entry.notBefore = notBefore;
    return true;
  }

  /** Removes and returns all whose time is over, oldest first. One that is being tried stays: its attempt has a bound of its own. */
  expire(now: MonotonicMs): readonly Held<Client>[] {
    const expired = [...this.#entries.values()].filter((entry) => !entry.trying && entry.deadline <= now);
    for (const entry of expired) this.remove(entry.client);
    return expired;
  }

  /** The newest of those that `are`, not being tried. Null: none. */
  newest(are: (client: Client) => boolean): Client | null {
    let found: Client | null = null;
    for (const entry of this.#entries.values()) if (!entry.trying && are(entry.client)) found = entry.client;
    return found;
  }

  clients(): readonly Client[] {
    return [...this.#entries.keys()];
  }
}
