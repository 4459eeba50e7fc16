/** The router's clocks, taken together so that a suspended machine shows as a difference between them. */
import { readTogether } from '../kernel/boot-clock';
import { systemLoop } from '../kernel/loop';
import type { Instant } from './core/admission';

export function readClocks(): Instant {
  const { now, boot } = readTogether(systemLoop.now, systemLoop.bootMs);
  return { monotonic: now, boot };
}
