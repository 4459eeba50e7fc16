import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ResourceSampler } from './resource-sampler';

describe('ResourceSampler', () => {
  it('measures the CPU of a busy child of its root, memory and disk', async () => {
    const busy = spawn(process.execPath, ['-e', 'for(;;){}'], { stdio: 'ignore' });
    const sampler = new ResourceSampler(tmpdir(), 1000, () => [process.pid]);
    try {
      await sampler.sample(performance.now());
      const until = performance.now() + 400;
      while (performance.now() < until) await new Promise((done) => setImmediate(done));
      await sampler.sample(performance.now());
      expect(sampler.use.cpuPercent).toBeGreaterThan(5);
      expect(sampler.use.memoryBytes).toBeGreaterThan(10_000_000);
      expect(sampler.use.diskTotalBytes).toBeGreaterThan(sampler.use.diskUsedBytes);
    } finally {
      busy.kill('SIGKILL');
      sampler.stop();
    }
  });

  it('keeps one hour of samples and no more', () => {
    const sampler = new ResourceSampler(tmpdir(), 60_000, () => []);
    for (let minute = 0; minute < 100; minute++) {
      sampler.record({
        at: String(minute),
        transactionsPerSecond: 0,
        connections: 0,
        walBytesPerSecond: 0,
        replayLagMs: null,
        lagBytes: null,
      });
    }
    expect(sampler.recent(1000)).toHaveLength(60);
    expect(sampler.recent(2).map((sample) => sample.at)).toEqual(['98', '99']);
    sampler.stop();
  });
});
