import { expect, it } from 'vitest';
import { healthLine } from './health-line';

it('what was not measured is not said to be good', () => {
  const line = healthLine({ name: 'disk-space', ok: true, measured: null, limit: '85 %' });
  expect(line).toEqual({
    tone: 'idle',
    word: 'not measured',
    name: 'Disk space',
    measured: 'unknown',
    limit: 'limit 85 %',
  });
});

it.each([
  [true, 'ok', 'passes'],
  [false, 'bad', 'fails'],
])('a measured one that is ok=%s is %s', (ok, tone, word) => {
  const line = healthLine({ name: 'postgres-serves', ok, measured: 'primary', limit: 'primary or standby' });
  expect(line).toMatchObject({ tone, word, name: 'PostgreSQL serves', limit: 'expected primary or standby' });
});

it('a failing one stays bad when nothing was measured', () => {
  expect(healthLine({ name: 'agent-reports', ok: false, measured: null, limit: '2000 ms' }).tone).toBe('bad');
});
