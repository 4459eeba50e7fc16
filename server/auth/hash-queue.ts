/**
 * How many passwords are hashed at once: each costs a processor and 32 MiB for a while, and the threads are those that read files too. Invariant:
 * a bounded number runs and a bounded number waits, whoever asks; who comes on top is told when to come back.
 */
import { ClusterError } from '@/engine/kernel/errors';

export class HashQueue {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly limits: { readonly atOnce: number; readonly waiting: number }) {}

  /** @throws RATE_LIMITED when too many wait already */
  async run<T>(hash: () => Promise<T>): Promise<T> {
    if (this.#running >= this.limits.atOnce) await this.#turn();
    else this.#running++;
    try {
      return await hash();
    } finally {
      // The turn is handed over, so nobody who comes meanwhile takes it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.limits.waiting) throw tooMany(this.limits.waiting);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** What waits is hashed within some seconds. */
const comeBackSeconds = 5;

function tooMany(limit: number): ClusterError {
  return new ClusterError('RATE_LIMITED', `${limit} passwords wait to be checked; try again in ${comeBackSeconds} s`, {
    extra: {
      retry_after: comeBackSeconds,
      limit,
      remaining: 0,
      reset: Math.ceil(Date.now() / 1000) + comeBackSeconds,
    },
  });
}
