import { expect, it } from 'vitest';
import { ReplayStands } from './replay-stands';

const leaseMs = 2_000;

it.each([
  ['has just begun', [0], 1_000, false],
  ['was mended within a lease', [0, 1_000], 6_000, false],
  ['lasts', [0, 1_000, 2_000], 2_500, true],
  ['lasted, and was not repeated for two leases', [0, 1_000, 2_000], 6_001, false],
  ['was over and has just begun again', [0, 1_000, 2_000, 9_000], 9_500, false],
])('a standby whose replay stands: it %s', (_what, told, now, expected) => {
  const stands = new ReplayStands();
  for (const at of told) stands.told('b', at, leaseMs);
  expect(stands.stands('b', now, leaseMs)).toBe(expected);
  expect(stands.stands('c', now, leaseMs)).toBe(false);
});
