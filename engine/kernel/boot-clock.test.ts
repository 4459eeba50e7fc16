import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BootClock, readTogether } from './boot-clock';

describe('two clocks read together', () => {
  it('takes a pair again when the process did not run in between', () => {
    const monotonic = [0, 400, 401];
    const boot = [10_000, 10_401];
    expect(
      readTogether(
        () => monotonic.shift()!,
        () => boot.shift()!,
      ),
    ).toEqual({ now: 401, boot: 10_401 });
  });
  it('does not do so for ever', () => {
    let now = 0;
    let readings = 0;
    readTogether(
      () => (now += 1_000),
      () => ++readings,
    );
    expect(readings).toBe(4);
  });
});

describe('the clock since boot', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rustydb-boot-clock-'));
    file = join(directory, 'uptime');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is what the kernel says', () => {
    const clock = new BootClock(() => 0);
    expect(Math.abs(clock.read() / 1000 - uptime())).toBeLessThan(60);
    clock.close();
  });
  it('runs ahead of the monotonic clock by what was slept, whatever was read before', () => {
    let now = 500;
    writeFileSync(file, '1000.00 9.99\n');
    const clock = new BootClock(() => now, file);
    expect(clock.read()).toBe(1_000_000);
    now += 100;
    writeFileSync(file, '1060.10 9.99\n');
    expect(clock.read()).toBe(1_060_100);
    clock.close();
  });
  it('goes with the monotonic clock while it can’t be read, by the difference seen last', () => {
    let now = 500;
    writeFileSync(file, '1000.00 9.99\n');
    const clock = new BootClock(() => now, file);
    clock.read();
    writeFileSync(file, '');
    now += 250;
    expect(clock.read()).toBe(1_000_250);
    clock.close();
    rmSync(file);
    now += 250;
    expect(clock.read()).toBe(1_000_500);
    writeFileSync(file, '1001.00 9.99\n');
    now += 500;
    expect(clock.read()).toBe(1_001_000);
    clock.close();
  });
  it('is the monotonic clock where the system has none', () => {
    const clock = new BootClock(() => 500, join(directory, 'nothing'));
    expect(clock.read()).toBe(500);
  });
});
