import { describe, expect, it } from 'vitest';
import { durationMs } from '../../cluster/core/lockouts';
import { locksNobodyOut } from './lockout-checks';
import { settingsChecks } from './settings-checks';

describe('settings of a whole group', () => {
  it.each([
    ['transaction_timeout', '1ms', true],
    ['transaction_timeout', '1', true],
    ['transaction_timeout', '500us', true],
    ['transaction_timeout', '0.9s', true],
    ['transaction_timeout', '1s', false],
    ['transaction_timeout', '1min', false],
    ['transaction_timeout', '0', false],
    ['transaction_timeout', '400us', false],
    ['statement_timeout', '1ms', true],
    ['statement_timeout', '250ms', false],
    ['idle_session_timeout', '999', true],
    ['idle_session_timeout', '1h', false],
    ['idle_in_transaction_session_timeout', '1ms', true],
    ['lock_timeout', '1ms', false],
    ['transaction_timeout', 'soon', false],
    ['superuser_reserved_connections', '0', true],
    ['superuser_reserved_connections', '5', false],
    ['reserved_connections', '0', true],
    ['reserved_connections', '10', false],
  ])('%s = %s is refused: %s', (name, value, refused) => {
    expect(locksNobodyOut(name, value)).toHaveLength(refused ? 1 : 0);
  });

  it('are read as PostgreSQL reads them', () => {
    expect(['2', '2 s', '1.5min', '1d', 'x', '-1'].map(durationMs)).toEqual([2, 2000, 90_000, 86_400_000, null, null]);
  });

  it('a change of settings says what it would do and what to do instead', () => {
    const known = new Map([['transaction_timeout', 'user']]);
    const failed = settingsChecks({ transaction_timeout: '1ms' }, known).filter((one) => !one.ok);
    expect(failed).toEqual([
      expect.objectContaining({
        rule: 'locks-everybody-out',
        severity: 'blocker',
        measured: 'transaction_timeout = 1ms',
        remedy: expect.stringMatching(/ends each session while it still begins.*ALTER ROLE/),
      }),
    ]);
    expect(settingsChecks({ transaction_timeout: null }, known).every((one) => one.ok)).toBe(true);
  });
});
