/**
 * How long the agent's main thread was blocked in the last while, from what a process knows of itself. A timer that rings every 20 ms would tell, and
 * costs a sleeping agent a tenth of all that it uses; so a quiet thread has one every 100 ms, and its own busy time says the rest. Pure.
 *
 * Invariant: a block of more than the coarse timer's interval plus `noticedMs` is never missed, and never told longer than the thread was busy.
 */
export const coarseMs = 100;
export const fineMs = 20;
/** From this share of the time on a thread is busy: then the fine timer costs nothing worth naming, and busy time alone says little. */
const busyShare = 0.1;
/** Timers are a little late anyway. */
const noticedMs = 5;

export type LoopTimes = {
  /** Time the thread worked and slept since the last look. */
  readonly activeMs: number;
  readonly idleMs: number;
  /** How late the coarse timer was at worst. */
  readonly coarseLateMs: number;
  /** How late the fine timer was at worst; null: it did not run all the time. */
  readonly fineLateMs: number | null;
};

export type LoopBlock = {
  readonly blockMs: number;
  /** The fine timer has to run until the next look. */
  readonly watchClosely: boolean;
};

export function loopBlock({ activeMs, idleMs, coarseLateMs, fineLateMs }: LoopTimes): LoopBlock {
  const lateMs = Math.max(0, coarseLateMs, fineLateMs ?? 0);
  const watchClosely = activeMs >= busyShare * (activeMs + idleMs);
  if (fineLateMs !== null || lateMs < noticedMs) return { blockMs: lateMs, watchClosely };
  // The timer was due somewhere within the block, so the block is longer than the timer was late: by its interval at most.
  return { blockMs: Math.max(lateMs, Math.min(lateMs + coarseMs, activeMs)), watchClosely };
}
