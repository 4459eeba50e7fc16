import { expect, it } from 'vitest';
import { healthLine, isSilent, seenLive } from './health-line';

it('what was not measured is not said to be good', () => {
  const line = healthLine({ name: 'disk-space', ok: true, measured: null, limit: '85 %' }, false);
  expect(line).toEqual({
    tone: 'idle',
    word: 'not known now',
    name: 'Disk space',
    measured: 'unknown',
    limit: 'limit 85 %',
  });
});

it('what the server does not know is neither good nor bad', () => {
  const lag = { name: 'replication-lag', ok: false, status: 'unknown', measured: null, limit: '1 MB' } as const;
  expect(healthLine(lag, false)).toMatchObject({ tone: 'idle', word: 'not known now', measured: 'unknown' });
});

it.each([
  [true, 'ok', 'passes'],
  [false, 'bad', 'fails'],
])('a measured one that is ok=%s is %s', (ok, tone, word) => {
  const line = healthLine({ name: 'postgres-serves', ok, measured: 'primary', limit: 'primary or standby' }, false);
  expect(line).toMatchObject({ tone, word, name: 'PostgreSQL serves', limit: 'expected primary or standby' });
});

it('a failing one stays bad when nothing was measured', () => {
  expect(healthLine({ name: 'agent-reports', ok: false, measured: null, limit: '2000 ms' }, true).tone).toBe('bad');
});

it('what a silent node once reported is not said to hold now', () => {
  const disk = { name: 'disk-space', ok: true, measured: '16 %', limit: '85 %' };
  const reports = { name: 'agent-reports', ok: false, measured: '5040 ms', limit: '2000 ms' };
  expect(isSilent([reports, disk])).toBe(true);
  expect(isSilent([{ ...reports, ok: true }, disk])).toBe(false);
  expect(healthLine(disk, true)).toMatchObject({ tone: 'idle', word: 'not known now', measured: '16 %' });
  expect(healthLine(reports, true).tone).toBe('bad');
});

it('a silence that is known live overrules an answer from before it', () => {
  const reports = { name: 'agent-reports', ok: true, measured: '146 ms', limit: '2000 ms' };
  const disk = { name: 'disk-space', ok: true, measured: '16 %', limit: '85 %' };
  expect(seenLive([reports, disk], null)).toEqual([reports, disk]);
  expect(seenLive([reports, disk], 5970)).toEqual([{ ...reports, ok: false, measured: '5.97 s' }, disk]);
});
