import { describe, expect, it } from 'vitest';
import { Unproven } from './unproven';

const limits = { max: 4, maxPerAddress: 3, patienceMs: 500, floodPatienceMs: 100 };

describe('clients that have not authenticated', () => {
  it('are bounded together and by address', () => {
    const unproven = new Unproven<string>(limits);
    for (const client of ['a', 'b', 'c']) unproven.add(client, 'one', 0);
    expect([unproven.mayAdd('one'), unproven.mayAdd('two')]).toEqual([false, true]);
    unproven.add('d', 'two', 0);
    expect([unproven.mayAdd('two'), unproven.room]).toEqual([false, 0]);
    unproven.remove('a');
    unproven.remove('a');
    expect([unproven.mayAdd('one'), unproven.size]).toEqual([true, 3]);
  });

  it('lose their place only when silent for too long, the most silent first', () => {
    const unproven = new Unproven<string>(limits);
    unproven.add('early', 'one', 0);
    unproven.add('late', 'one', 100);
    expect(unproven.stalest(499, 1)).toBeNull();
    expect(unproven.stalest(700, 1)).toBe('early');
    unproven.heard('early', 650);
    expect(unproven.stalest(700, 1)).toBe('late');
    unproven.remove('late');
    expect(unproven.stalest(700, 1)).toBeNull();
  });

  it('lose it the sooner the more others wait, but not at once', () => {
    const unproven = new Unproven<string>(limits);
    unproven.add('a', 'one', 0);
    const at = (ms: number, waiting: number) => unproven.stalest(ms, waiting);
    expect([at(499, 4), at(499, 5), at(249, 8), at(251, 8)]).toEqual([null, 'a', null, 'a']);
    expect([at(99, 10_000), at(101, 10_000)]).toEqual([null, 'a']);
  });

  it('are counted once, however often they are told', () => {
    const unproven = new Unproven<string>(limits);
    unproven.add('a', 'one', 0);
    unproven.add('a', 'one', 5);
    unproven.remove('a');
    expect([unproven.size, unproven.mayAdd('one')]).toEqual([0, true]);
  });
});
