/** The router's clocks, taken together so that a suspended machine shows as a difference between them. */
import type { Instant } from './core/admission';

export function readClocks(): Instant {
  return { monotonic: performance.now(), wall: Date.now() };
}
