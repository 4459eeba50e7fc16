/**
 * Whoever keeps something open (a socket, a stream) keeps it only as long as the right lasts. Invariant: when a session or key ends, here or on
 * another console, everything that was opened with it is told within a second; what is not heard of is found by looking again.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { StoredAccounts } from './accounts';
import type { Identity } from './api';
import type { Identifier } from './identify';
import type { Sessions } from './sessions';

/** How often every right is looked up again, whatever was heard of changes. */
const recheckMs = 10_000;
/** The longest a timer can be set for; what runs out later is found by looking again. */
const longestTimerMs = 2 ** 31 - 1;
/** Timers may be a little early. */
const lateMs = 20;
/** How often this console looks for sessions and keys that ended on another one, while something is open. */
const refreshMs = 500;

type Sources = { readonly identifier: Identifier; readonly accounts: StoredAccounts; readonly sessions: Sessions };

export class AccessWatch {
  readonly #checks = new Set<() => void>();
  readonly #stops: readonly (() => void)[];

  constructor(private readonly sources: Sources) {
    const { accounts, sessions } = sources;
    const recheck = () => {
      for (const check of this.#checks) check();
    };
    const refresh = setInterval(() => {
      if (this.#checks.size === 0) return;
      // A node that does not answer now is asked again in half a second.
      void Promise.all([accounts.refresh(), sessions.refresh()]).catch(() => undefined);
    }, refreshMs).unref();
    const again = setInterval(recheck, recheckMs).unref();
    this.#stops = [
      accounts.onChange(recheck),
      sessions.onChange(recheck),
      () => clearInterval(refresh),
      () => clearInterval(again),
    ];
  }

  /** `lost` is called once when `headers` do not stand for `held` any more. Returns how to stop watching. */
  watch(headers: IncomingHttpHeaders, held: Identity, lost: () => void): () => void {
    if (held.kind === 'anonymous') return () => undefined;
    const check = async () => {
      const now = await this.sources.identifier.identify(headers).catch(() => null);
      const same = now !== null && now.identity.kind !== 'anonymous' && now.identity.role === held.role;
      if (!same && this.#checks.delete(entry)) lost();
    };
    const entry = () => void check();
    this.#checks.add(entry);
    // What runs out does so without a word.
    const ends = held.kind === 'user' ? held.sessionExpiresAt : held.expiresAt;
    const remainingMs = ends ? Math.max(0, Date.parse(ends) - Date.now()) + lateMs : longestTimerMs;
    const timer = remainingMs < longestTimerMs ? setTimeout(entry, remainingMs).unref() : undefined;
    return () => {
      clearTimeout(timer);
      this.#checks.delete(entry);
    };
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}
