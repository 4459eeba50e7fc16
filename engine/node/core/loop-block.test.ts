import { describe, expect, it } from 'vitest';
import { coarseMs, loopBlock } from './loop-block';

const quiet = { activeMs: 15, idleMs: 985, coarseLateMs: 0.3, fineLateMs: null };

describe('loopBlock', () => {
  it('tells the lateness of a quiet thread as it is, and leaves it alone', () => {
    expect(loopBlock(quiet)).toEqual({ blockMs: 0.3, watchClosely: false });
  });

  it('takes a block of a quiet thread for as long as the thread was busy: the timer was late by what was left of it', () => {
    const told = loopBlock({ ...quiet, activeMs: 600, idleMs: 400, coarseLateMs: 540 });
    expect(told).toEqual({ blockMs: 600, watchClosely: true });
  });

  it('never tells more than the lateness and one interval of the timer', () => {
    expect(loopBlock({ ...quiet, activeMs: 900, idleMs: 100, coarseLateMs: 30 }).blockMs).toBe(30 + coarseMs);
  });

  it('does not take many short turns for a block', () => {
    expect(loopBlock({ ...quiet, activeMs: 900, idleMs: 100, coarseLateMs: 1 }).blockMs).toBe(1);
  });

  it('believes the fine timer once that runs', () => {
    const told = loopBlock({ activeMs: 900, idleMs: 100, coarseLateMs: 2, fineLateMs: 7 });
    expect(told).toEqual({ blockMs: 7, watchClosely: true });
  });
});
