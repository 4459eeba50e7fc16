import { describe, expect, it } from 'vitest';
import type { ReplicationSender } from '../cluster/model';
import { ReplyClock } from './reply-clock';

const sender = (repliedAt: number, state = 'streaming') => ({ state, repliedAt }) as ReplicationSender;

describe('silence of a standby', () => {
  it('ends with a new reply only, not with another look at the same one', () => {
    const clock = new ReplyClock();
    clock.begin(0);
    clock.look('b', sender(7), 100);
    for (const now of [350, 600, 850]) clock.look('b', sender(7), now);
    expect(clock.silentMs('b', 850)).toBe(750);
    clock.look('b', sender(7.001), 900);
    expect(clock.silentMs('b', 900)).toBe(0);
  });

  it('goes on while it is connected but catching up or gone', () => {
    const clock = new ReplyClock();
    clock.begin(0);
    clock.look('b', sender(7), 100);
    clock.look('b', sender(8, 'catchup'), 500);
    clock.look('b', undefined, 700);
    expect(clock.silentMs('b', 1000)).toBe(900);
  });

  it('counts from the start of serving for one that was never heard', () => {
    const clock = new ReplyClock();
    clock.begin(200);
    expect(clock.silentMs('b', 1200)).toBe(1000);
    expect(clock.heardWithin(5000, 1200)).toEqual([]);
    clock.look('b', sender(1), 1200);
    expect(clock.heardWithin(5000, 1300)).toEqual(['b']);
    expect(clock.heardWithin(50, 1300)).toEqual([]);
  });
});
