import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedoEstimator } from './redo-estimate';

const mb = 1024 * 1024;
let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-redo-'));
  file = join(directory, 'replay-speed.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('how long redo would take', () => {
  it('assumes a slow machine until something was measured', () => {
    const redo = new RedoEstimator(file);
    redo.sampleWal('0/10000000', '0/0');
    expect(redo.measuredBytesPerSecond).toBeNull();
    expect(redo.estimate().ms).toBe(250 + 8_000);
  });

  it('counts with the slowest of the last measurements: a fast one does not hide it', async () => {
    const redo = new RedoEstimator(file);
    await redo.sampleReplay(400 * mb, 1_000);
    await redo.sampleReplay(100 * mb, 1_000);
    await redo.sampleReplay(2_000 * mb, 1_000);
    expect(redo.measuredBytesPerSecond).toBe(100 * mb);
    expect(new RedoEstimator(file).measuredBytesPerSecond).toBe(100 * mb);
    for (let fast = 0; fast < 5; fast++) await redo.sampleReplay(800 * mb, 1_000);
    expect(redo.measuredBytesPerSecond).toBe(800 * mb);
  });

  it('learns nothing from a replay that was short or small', async () => {
    const redo = new RedoEstimator(file);
    await redo.sampleReplay(10 * mb, 2);
    await redo.sampleReplay(1 * mb, 5_000);
    expect(redo.measuredBytesPerSecond).toBeNull();
  });

  it('starts anew over a file that it can not use', () => {
    for (const text of ['{"bytesPerSecond":9999999999}', '{"speeds":["fast",-1]}', 'no JSON']) {
      writeFileSync(file, text);
      expect(new RedoEstimator(file).measuredBytesPerSecond).toBeNull();
    }
  });
});
