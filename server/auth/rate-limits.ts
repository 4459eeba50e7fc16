/** How much one caller may ask, by cost class. Counted in memory per console; callers are told when to come back. */
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { ClusterError } from '@/engine/kernel/errors';
import type { RateClass } from '@/server/procedures/definition';
import type { Identity } from './api';

export type RateLimitSettings = Readonly<
  Record<RateClass | 'anonymous', { readonly points: number; readonly seconds: number }>
>;

export const defaultRateLimits: RateLimitSettings = {
  read: { points: 5000, seconds: 1 },
  node: { points: 300, seconds: 1 },
  write: { points: 600, seconds: 60 },
  login: { points: 60, seconds: 60 },
  anonymous: { points: 100, seconds: 1 },
};

export class RateLimits {
  readonly #limiters = new Map<string, RateLimiterMemory>();
  /** When a refusal of each caller was last kept in the audit log. */
  readonly #recorded = new Map<string, number>();

  constructor(private readonly settings: RateLimitSettings = defaultRateLimits) {
    for (const [name, { points, seconds }] of Object.entries(settings)) {
      this.#limiters.set(name, new RateLimiterMemory({ keyPrefix: name, points, duration: seconds }));
    }
  }

  /** @throws RATE_LIMITED with what the headers say in `details` */
  async consume(rate: RateClass, identity: Identity, clientAddress: string): Promise<void> {
    const anonymous = identity.kind === 'anonymous' && rate !== 'login';
    const name = anonymous ? 'anonymous' : rate;
    try {
      await this.#limiters.get(name)!.consume(callerOf(identity, clientAddress));
    } catch (refused) {
      throw rateLimited(refused as RateLimiterRes, this.settings[name].points);
    }
  }

  /** True at most once per caller and second. */
  mayRecord(identity: Identity, clientAddress: string): boolean {
    const caller = callerOf(identity, clientAddress);
    const now = performance.now();
    const last = this.#recorded.get(caller) ?? -Infinity;
    if (now - last < 1000) return false;
    if (this.#recorded.size >= 10_000) this.#recorded.clear();
    this.#recorded.set(caller, now);
    return true;
  }
}

export function callerOf(identity: Identity, clientAddress: string): string {
  return identity.kind === 'anonymous' ? `address:${clientAddress}` : `${identity.kind}:${identity.id}`;
}

export function rateLimited(state: RateLimiterRes, limit: number): ClusterError {
  const waitSeconds = Math.max(1, Math.ceil(state.msBeforeNext / 1000));
  return new ClusterError('RATE_LIMITED', `Too many requests; try again in ${waitSeconds} s`, {
    extra: {
      retry_after: waitSeconds,
      limit,
      remaining: Math.max(0, state.remainingPoints),
      reset: Math.ceil((Date.now() + state.msBeforeNext) / 1000),
    },
  });
}
