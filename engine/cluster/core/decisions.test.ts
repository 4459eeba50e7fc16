import { describe, expect, it } from 'vitest';
import { type AdmissionInput, decideAdmission, type Endpoint } from './admission';
import { canWrite, groupLosses, type LossInput, storeLosses } from './quorum-losses';
import { decideRejoin, type RejoinInput } from './rejoin';
import { type CrashInput, restartOrFailover } from './restart-or-failover';

describe('restart or fail over', () => {
  const base: CrashInput = {
    holdsLease: true,
    allDead: true,
    estimatedRedoMs: 200,
    restartBudgetMs: 1000,
    earlierCrashesMs: [],
    nowMs: 100_000,
    successorPossible: true,
    failedStarts: 0,
  };
  it.each<[string, Partial<CrashInput>, string]>([
    ['short redo', {}, 'restart-in-place'],
    ['redo exactly in budget', { estimatedRedoMs: 1000 }, 'restart-in-place'],
    ['long redo', { estimatedRedoMs: 1001 }, 'fail-over'],
    ['second crash within a minute', { earlierCrashesMs: [40_001] }, 'fail-over'],
    ['second crash after a minute', { earlierCrashesMs: [40_000] }, 'restart-in-place'],
    ['the start failed', { failedStarts: 1 }, 'fail-over'],
    ['backends are left', { allDead: false }, 'kill-rest-first'],
    ['backends are left and the lease is gone', { allDead: false, holdsLease: false }, 'kill-rest-first'],
    ['no lease', { holdsLease: false }, 'none'],
    [
      'long redo but nobody else',
      { estimatedRedoMs: 9e9, successorPossible: false, earlierCrashesMs: [99_999] },
      'restart-in-place',
    ],
  ])('%s', (_, change, expected) => expect(restartOrFailover({ ...base, ...change }).kind).toBe(expected));
});

describe('rejoin', () => {
  const base: RejoinInput = {
    data: 'was-primary',
    lastHeldEpoch: 4,
    recordEpoch: 5,
    primaryIsOther: true,
    primaryHealthy: true,
    promisedEpoch: 4,
    comparison: null,
    walIsGone: false,
    freeBytes: 1000,
    neededBytes: 500,
    reclone: false,
  };
  it.each<[string, Partial<RejoinInput>, string]>([
    ['a former primary looks first, in private', {}, 'compare-in-private'],
    ['and not without somebody to compare with', { primaryHealthy: false }, 'wait'],
    ['its end is at or before the fork', { comparison: 'can-follow' }, 'follow'],
    ['its end is past the fork', { comparison: 'diverged' }, 'base-backup deletes'],
    ['past the fork, no healthy primary', { comparison: 'diverged', primaryHealthy: false }, 'wait'],
    ['past the fork, the primary is not newer', { comparison: 'diverged', lastHeldEpoch: 6 }, 'wait'],
    [
      'past the fork, its own attempt at that epoch lost',
      { comparison: 'diverged', lastHeldEpoch: 5 },
      'base-backup deletes',
    ],
    ['past the fork, no room', { comparison: 'diverged', freeBytes: 499 }, 'wait'],
    ['past the fork, size unknown', { comparison: 'diverged', neededBytes: null, freeBytes: 0 }, 'base-backup deletes'],
    ['a standby is compared first, too: it starts closed', { data: 'standby', lastHeldEpoch: 0 }, 'start-closed'],
    ['also without a primary', { data: 'standby', lastHeldEpoch: 0, primaryHealthy: false }, 'start-closed'],
    ['a copy made under this epoch follows at once', { data: 'standby', comparison: 'can-follow' }, 'follow'],
    ['a standby whose WAL is gone', { data: 'standby', lastHeldEpoch: 0, walIsGone: true }, 'base-backup deletes'],
    ['a diverged standby', { data: 'standby', comparison: 'diverged' }, 'base-backup deletes'],
    ['nothing there', { data: 'absent' }, 'base-backup'],
    ['nothing there, nobody to copy from', { data: 'absent', primaryHealthy: false }, 'wait'],
    ['unreadable', { data: 'unreadable' }, 'base-backup deletes'],
    ['it is the primary of the record', { primaryIsOther: false, data: 'unreadable' }, 'wait'],
    ['it promised more than is recorded', { promisedEpoch: 6 }, 'wait'],
    ['asked for', { reclone: true, comparison: 'can-follow' }, 'base-backup deletes'],
  ])('%s', (_, change, expected) => {
    const decision = decideRejoin({ ...base, ...change });
    const deletes = decision.kind === 'base-backup' && decision.deletesData ? ' deletes' : '';
    expect(decision.kind + deletes).toBe(expected);
  });
  it('never deletes without a healthy primary of a newer epoch, in any combination', () => {
    for (const data of ['absent', 'standby', 'was-primary', 'unreadable'] as const)
      for (const comparison of ['can-follow', 'diverged', null] as const)
        for (const primaryHealthy of [true, false])
          for (const lastHeldEpoch of [0, 4, 5, 6])
            for (const walIsGone of [true, false])
              for (const reclone of [true, false]) {
                const decision = decideRejoin({
                  ...base,
                  data,
                  comparison,
                  primaryHealthy,
                  lastHeldEpoch,
                  walIsGone,
                  reclone,
                });
                if (decision.kind === 'base-backup' && decision.deletesData) {
                  expect(primaryHealthy).toBe(true);
                  expect(lastHeldEpoch).toBeLessThanOrEqual(5);
                }
              }
  });
});

describe('admission', () => {
  const endpoint: Endpoint = {
    node: 'a',
    epoch: 5,
    role: 'primary',
    remainingMs: 1000,
    askedAt: 100,
    draining: false,
    lagMs: null,
  };
  const standby: Partial<Endpoint> = { role: 'standby', remainingMs: 0, lagMs: 50 };
  it.each<[string, Partial<Endpoint>, Partial<AdmissionInput>, string]>([
    ['a primary in time', {}, { now: 1099 }, 'admit'],
    ['a primary at its deadline, counted from the question', {}, { now: 1100 }, 'lease'],
    ['an older epoch than heard of', {}, { highestEpoch: 6 }, 'stale-epoch'],
    ['a draining one', { draining: true }, {}, 'draining'],
    ['a standby for writes', standby, {}, 'role'],
    ['a standby for reads', standby, { kind: 'ro' }, 'admit'],
    ['a lagging standby', { ...standby, lagMs: 501 }, { kind: 'ro' }, 'lag'],
    ['a standby of unknown lag', { ...standby, lagMs: null }, { kind: 'ro' }, 'lag'],
    ['a standby not heard of', standby, { kind: 'ro', now: 2101 }, 'stale-answer'],
    ['a stopped node', { role: 'none' }, { kind: 'ro' }, 'role'],
    ['the primary for reads', {}, { kind: 'ro' }, 'admit'],
    ['an answer from the future', {}, { now: 99 }, 'clock'],
  ])('%s', (_, change, rest, expected) => {
    const decision = decideAdmission({
      endpoint: { ...endpoint, ...change },
      now: 500,
      highestEpoch: 5,
      kind: 'rw',
      maximumLagMs: 500,
      staleAfterMs: 2000,
      ...rest,
    });
    expect(decision.admit ? 'admit' : decision.rule).toBe(expected);
  });
});

describe('which further losses stop writes', () => {
  const record = {
    name: 'alpha',
    mode: 'semi_synchronous',
    primary: 'a',
    voterSet: { members: ['b', 'c'], k: 1 },
    promotable: 'voters',
    onNoStandby: 'degrade',
    automaticFailover: true,
  } as const;
  const all = ['a', 'b', 'c', 'd', 'e'];
  const input = (
    live: readonly string[],
    change: Partial<LossInput['groups'][number]['record']> = {},
    failSafe = true,
  ): LossInput => ({
    voters: all,
    live,
    failSafe,
    groups: [{ record: { ...record, ...change }, members: ['a', 'b', 'c'] }],
  });
  it.each<[readonly string[], number, readonly string[]]>([
    [all, 2, []],
    [['a', 'b', 'c'], 0, ['a', 'b', 'c']],
    [['a', 'b'], -1, []],
  ])('store with %j', (live, spare, critical) => {
    expect(storeLosses({ voters: all, live })).toMatchObject({ quorumSize: 3, spare, critical });
  });
  it.each<[string, LossInput, readonly string[], readonly string[]]>([
    ['everything up', input(all), [], ['a']],
    ['a voter is gone, its promise is needed', input(['a', 'b', 'd', 'e']), ['a'], []],
    [
      'synchronous: one promise is enough, but the last standby is not to be lost',
      input(['a', 'b', 'd', 'e'], { mode: 'synchronous', voterSet: { members: ['b'], k: 1 } }),
      ['a', 'b'],
      [],
    ],
    ['degraded', input(all, { promotable: 'none' }), ['a'], []],
    ['failover switched off', input(all, { automaticFailover: false }), ['a'], []],
    ['asynchronous', input(all, { mode: 'asynchronous', voterSet: { members: [], k: 0 } }), [], ['a']],
    ['the store on its last quorum, with fail-safe', input(['a', 'b', 'c']), ['a', 'b', 'c'], []],
    [
      'the store on its last quorum, other group, with fail-safe',
      input(
        ['a', 'b', 'c', 'd', 'e'].slice(0, 4).filter((node) => node !== 'c'),
        { voterSet: { members: ['b'], k: 1 } },
      ),
      ['a', 'b'],
      [],
    ],
  ])('group: %s', (_, losses, critical, pause) => {
    expect(groupLosses(losses)[0]).toMatchObject({ critical, pause });
  });
  it('a primary without control majority writes only under fail-safe with all its voters', () => {
    const write = (live: string[], failSafe: boolean) =>
      canWrite({ voters: all, failSafe }, record, ['a', 'b', 'c'], live);
    expect(write(['a', 'b'], true)).toBe(false);
    expect(canWrite({ voters: [...all, 'f', 'g'], failSafe: true }, record, ['a', 'b', 'c'], ['a', 'b', 'c'])).toBe(
      true,
    );
    expect(canWrite({ voters: [...all, 'f', 'g'], failSafe: false }, record, ['a', 'b', 'c'], ['a', 'b', 'c'])).toBe(
      false,
    );
  });
});
