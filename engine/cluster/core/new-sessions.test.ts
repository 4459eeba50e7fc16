import { describe, expect, it } from 'vitest';
import { afterTry, isTryDue, judgeFailure, notTried, quietTryMs, refusal, strangersAllowed } from './new-sessions';

const refused = { kind: 'refused', error: 'sorry, too many clients already', sqlState: '53300' } as const;
const quiet = { connections: 10, maxConnections: 200, strangers: 0, unanswered: false };

describe('sign-ins that are tried', () => {
  it.each([
    ['nothing hints at trouble', quiet, [quietTryMs - 1, quietTryMs]],
    ['most connections are taken', { ...quiet, connections: 150 }, [999, 1_000]],
    [
      'how many there may be is not known',
      { ...quiet, connections: 150, maxConnections: 0 },
      [quietTryMs - 1, quietTryMs],
    ],
    ['many have not signed in', { ...quiet, strangers: 20 }, [999, 1_000]],
    ['a question was not answered', { ...quiet, unanswered: true }, [999, 1_000]],
  ] as const)('%s', (_what, hints, [early, due]) => {
    const state = afterTry(notTried, 0, { kind: 'let-in' });
    expect([isTryDue(notTried, 0, hints), isTryDue(state, early, hints), isTryDue(state, due, hints)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('one failure is tried again soon and tells nothing; the second does, until one is let in', () => {
    const once = afterTry(notTried, 5, refused);
    expect([refusal(once), isTryDue(once, 1_005, quiet)]).toEqual([null, true]);
    const twice = afterTry(once, 1_005, refused);
    expect([refusal(twice), twice.failingSince]).toEqual([refused, 5]);
    expect(refusal(afterTry(twice, 2_005, { kind: 'let-in' }))).toBeNull();
  });

  it.each([
    ['no connection is left', '53300', 'InitProcess', 'refused'],
    ['those left are reserved', '53300', 'InitPostgres', 'refused'],
    ['the lock table is full', '53200', 'LockAcquireExtended', 'refused'],
    ['no answer, no connection', null, null, 'refused'],
    ['the login has reached its own limit', '53300', 'InitializeSessionUserId', 'let-in'],
    ['the database has', '53300', 'CheckMyDatabase', 'let-in'],
    ['a wrong password', '28P01', 'auth_failed', 'let-in'],
    ['it is shutting down', '57P03', 'ProcessStartupPacket', 'let-in'],
  ] as const)('%s: %s', (_what, sqlState, routine, kind) => {
    expect(judgeFailure({ message: 'words', sqlState, routine }).kind).toBe(kind);
  });

  it('a quarter of all connections, twenty at least, is left to those that have not signed in', () => {
    expect([40, 200, 400].map(strangersAllowed)).toEqual([20, 50, 100]);
  });
});
