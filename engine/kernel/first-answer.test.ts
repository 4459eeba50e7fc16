import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { firstAnswer } from './first-answer';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Answers after so many ms; negative: fails after as many; null: never. */
function world(delays: Readonly<Record<string, number | null>>) {
  const asked: string[] = [];
  const ask = (name: string) =>
    new Promise<string>((resolve, reject) => {
      asked.push(name);
      const delay = delays[name] ?? null;
      if (delay === null) return;
      setTimeout(() => (delay < 0 ? reject(new Error(name)) : resolve(`of ${name}`)), Math.abs(delay));
    });
  return { asked, ask };
}

const nobody = () => new Error('nobody');

describe('the first answer', () => {
  it('asks one, and nobody else when it answers in time', async () => {
    const { asked, ask } = world({ a: 100, b: 1 });
    const answer = firstAnswer(['a', 'b'], ask, 250, nobody);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await answer).toEqual({ from: 'a', value: 'of a' });
    expect(asked).toEqual(['a']);
  });

  it('asks the next when the first is silent, and takes whoever is first', async () => {
    const { asked, ask } = world({ a: null, b: null, c: 10 });
    const answer = firstAnswer(['a', 'b', 'c'], ask, 250, nobody);
    await vi.advanceTimersByTimeAsync(511);
    expect(await answer).toEqual({ from: 'c', value: 'of c' });
    expect(asked).toEqual(['a', 'b', 'c']);
  });

  it('goes on at once after an error, and still takes a late answer', async () => {
    const { ask } = world({ a: 400, b: -5 });
    const answer = firstAnswer(['a', 'b'], ask, 250, nobody);
    await vi.advanceTimersByTimeAsync(400);
    expect(await answer).toEqual({ from: 'a', value: 'of a' });
  });

  it('fails with the last error when all have, and at once when there is nobody', async () => {
    const { ask } = world({ a: -1, b: -1 });
    const failing = expect(firstAnswer(['a', 'b'], ask, 250, nobody)).rejects.toThrow('b');
    await vi.advanceTimersByTimeAsync(10);
    await failing;
    await expect(firstAnswer([], ask, 250, nobody)).rejects.toThrow('nobody');
  });
});
