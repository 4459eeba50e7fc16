import { expect, it } from 'vitest';
import { shippedUpTo } from './clean-stop';

const clean = { state: 'shut down', checkpointLsn: '0/3000028', redoLsn: '0/3000028' };

it('a clean stop: whoever is beyond the start of the shutdown checkpoint has everything', () => {
  expect(shippedUpTo(clean)).toBe('0/3000029');
});

it.each([
  'in production',
  'shutting down',
  'in crash recovery',
  'in archive recovery',
  'shut down in recovery',
  'unknown',
])('a server whose control file says "%s" proves nothing', (state) => {
  expect(shippedUpTo({ ...clean, state })).toBeNull();
});

it('the last checkpoint is an online one: it proves nothing', () => {
  expect(shippedUpTo({ ...clean, redoLsn: '0/2FFFFD0' })).toBeNull();
});
