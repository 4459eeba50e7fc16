/** `RUSTYDB_RATE_LIMITS`: `read=20000,write=6000/60`: requests of one caller, by cost class, per so many seconds (1 unless said). */
import { StartError } from './data-directory';

export const rateClasses = ['read', 'node', 'write', 'login', 'anonymous'] as const;
export type RateClassName = (typeof rateClasses)[number];
export type RateLimitOverrides = Partial<Record<RateClassName, { readonly points: number; readonly seconds: number }>>;

/** @throws StartError that names the part which can't be read */
export function rateLimitOverrides(text: string | undefined): RateLimitOverrides | null {
  if (!text) return null;
  return Object.fromEntries(text.split(',').map(entryOf));
}

function entryOf(part: string): readonly [RateClassName, { points: number; seconds: number }] {
  const match = /^\s*([a-z]+)\s*=\s*([1-9]\d{0,8})(?:\s*\/\s*([1-9]\d{0,4}))?\s*$/.exec(part);
  const name = rateClasses.find((one) => one === match?.[1]);
  if (!match || !name) {
    throw new StartError(
      `RUSTYDB_RATE_LIMITS has ${JSON.stringify(part.trim())}; write class=requests or class=requests/seconds, the classes are ${rateClasses.join(', ')}.`,
    );
  }
  return [name, { points: Number(match[2]), seconds: Number(match[3] ?? 1) }];
}
