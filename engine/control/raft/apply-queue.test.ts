import { describe, expect, it } from 'vitest';
import type { Loop } from '../../kernel/loop';
import { ApplyQueue, type Work } from './apply-queue';

class ManualLoop implements Loop {
  readonly waiting: (() => void)[] = [];
  now = () => 0;
  bootMs = () => 0;
  wallMs = () => 0;
  random = () => 0;
  after(_ms: number, job: () => void) {
    this.waiting.push(job);
    return { cancel: () => void this.waiting.splice(this.waiting.indexOf(job), 1) };
  }
  turn(): boolean {
    const job = this.waiting.shift();
    job?.();
    return job !== undefined;
  }
}

function* work(name: string, steps: number, log: string[]): Work {
  for (let step = 1; step <= steps; step++) {
    log.push(`${name}${step}`);
    yield 10;
  }
}

function queue(sliceChars: number) {
  const loop = new ManualLoop();
  return { loop, applies: new ApplyQueue(loop, (job) => job(), sliceChars), log: [] as string[] };
}

describe('apply queue', () => {
  it('does little at once', () => {
    const { applies, log, loop } = queue(100);
    applies.push(work('a', 3, log));
    expect([log, applies.idle, loop.waiting.length]).toEqual([['a1', 'a2', 'a3'], true, 0]);
  });

  it('does much in slices, lets the thread go between them, and keeps the order with what comes meanwhile', () => {
    const { applies, log, loop } = queue(30);
    applies.push(work('a', 7, log));
    expect(log).toEqual(['a1', 'a2', 'a3']);
    applies.push(work('b', 1, log));
    expect(log).toEqual(['a1', 'a2', 'a3']);
    while (loop.turn());
    expect(log).toEqual(['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'b1']);
    expect([applies.idle, applies.longestSliceChars]).toEqual([true, 30]);
  });

  it('does nothing any more once it was stopped', () => {
    const { applies, log, loop } = queue(10);
    applies.push(work('a', 3, log));
    applies.stop();
    while (loop.turn());
    expect([log, applies.idle]).toEqual([['a1'], true]);
  });
});
