import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemFiles } from '../kernel/small-files';
import { foundingOnce, noteBegun } from './founded';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-founded-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('hands the founding configuration out until the store was begun, whatever its own directory holds', () => {
  const founders = { voters: ['a', 'b', 'c'] };
  expect(foundingOnce(systemFiles, directory, founders)).toBe(founders);
  expect(foundingOnce(systemFiles, directory, founders)).toBe(founders);
  noteBegun(systemFiles, directory);
  noteBegun(systemFiles, directory);
  expect(foundingOnce(systemFiles, directory, founders)).toBeNull();
  expect(foundingOnce(systemFiles, directory, null)).toBeNull();
});
