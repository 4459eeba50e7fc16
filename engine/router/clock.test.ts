import { beforeEach, describe, expect, it } from 'vitest';
import { ClockReader } from './clock';

let now: number;
let boot: number;
let wall: number;
let read: number;
let clock: ClockReader;
const pass = (ms: number) => {
  now += ms;
  boot += ms;
  wall += ms;
};

beforeEach(() => {
  [now, boot, wall, read] = [1_000, 5_000, 1_700_000_000_000, 0];
  const readBoot = () => {
    read++;
    return boot;
  };
  clock = new ClockReader({ now: () => now, boot: readBoot, wall: () => wall });
});

describe('the clocks of the router', () => {
  it('are both right at each reading, and the file is read ten times a second at most', () => {
    for (let turn = 0; turn < 1_000; turn++) {
      expect(clock.read()).toEqual({ monotonic: now, boot });
      pass(1);
    }
    expect(read).toBe(10);
  });

  it('show at the very next reading that the machine slept', () => {
    clock.read();
    pass(1);
    boot += 3_000;
    wall += 3_000;
    const { monotonic, boot: told } = clock.read();
    expect(told - monotonic).toBe(7_000);
  });

  it('show it within 100 ms where the wall clock tells nothing', () => {
    clock.read();
    boot += 3_000;
    pass(99);
    expect(clock.read().boot).toBe(5_099);
    pass(1);
    expect(clock.read().boot).toBe(8_100);
  });

  it('are read anew when somebody steps the wall clock, and that is no sleep', () => {
    clock.read();
    wall -= 86_400_000;
    expect(clock.read()).toEqual({ monotonic: 1_000, boot: 5_000 });
    expect(read).toBe(2);
  });

  it('take a stall of the process for what it is', () => {
    clock.read();
    pass(60_000);
    expect(clock.read()).toEqual({ monotonic: 61_000, boot: 65_000 });
  });
});
