import { describe, expect, it } from 'vitest';
import type { PromiseReport } from '../commands';
import type { GroupRecord } from '../model';
import { recordAfterGrant, recordAfterPromotion, recordAfterRegrant } from './grant';
import { divergence, type Member, mustWaitForLease, promiseCheck, type RankingInput, rankCandidates } from './ranking';

const record: GroupRecord = {
  name: 'alpha',
  mode: 'semi_synchronous',
  epoch: 4,
  primary: 'a',
  leaseReleased: false,
  voterSet: { members: ['b', 'c'], k: 1 },
  promotable: 'voters',
  onNoStandby: 'degrade',
  failoverWait: 'promise',
  automaticFailover: true,
  automaticFailoverPausedBy: null,
  timeline: 2,
  timelineHistory: [{ epoch: 4, timeline: 2, startLsn: '0/1000', primary: 'a', at: '' }],
  operation: null,
  settings: {},
  createdAt: '',
};
const member = (node: string, change: Partial<Member> = {}): Member => ({
  node,
  region: 'us-east',
  priority: 100,
  maintenance: false,
  wanted: 'running',
  reportAgeMs: 50,
  postgresState: 'standby',
  timeline: 2,
  lsn: '0/2000',
  replayPaused: false,
  loadPercent: 10,
  ...change,
});
const promise = (node: string, lsn = '0/2000', timeline = 2, epoch = 5): PromiseReport => ({
  node,
  epoch,
  timeline,
  lsn,
  receiveLsn: lsn,
  replayLsn: lsn,
  inRecovery: true,
});
function input(change: Partial<RankingInput> = {}): RankingInput {
  return {
    record,
    members: [member('a', { postgresState: 'crashed' }), member('b'), member('c')],
    promises: [promise('b'), promise('c')],
    purpose: 'failover',
    automatic: true,
    allowDataLoss: false,
    preferredRegion: null,
    primaryLsn: '0/2000',
    maximumLagBytes: 0x1000,
    staleAfterMs: 1000,
    ...change,
  };
}
/** `c b | a:is-not-the-primary,…`: the order, then who is out and why. */
function verdict(change: Partial<RankingInput>): string {
  const candidates = rankCandidates(input(change));
  const inOrder = candidates.filter((one) => one.eligible).map((one) => one.node);
  const out = candidates
    .filter((one) => !one.eligible && one.node !== 'a')
    .map(
      (one) => `${one.node}:${one.checks.filter((check) => check.severity === 'blocker').map((check) => check.rule)}`,
    );
  return [inOrder.join(' '), ...out].join(' | ');
}
const withB = (change: Partial<Member>) => ({ members: [member('a'), member('b', change), member('c')] });

describe('ranking', () => {
  it.each<[string, Partial<RankingInput>, string]>([
    ['equals by name', {}, 'b c'],
    ['higher priority first among equals', withB({ priority: 50 }), 'c b'],
    ['region before load', { ...withB({ region: 'eu-west', loadPercent: 0 }), preferredRegion: 'us-east' }, 'c b'],
    ['load last', withB({ loadPercent: 90 }), 'c b'],
    [
      'the most advanced, whatever its priority',
      { promises: [promise('b', '0/2001'), promise('c')], ...withB({ priority: 1 }) },
      'b | c:most-advanced',
    ],
    [
      'a diverged member is none, whatever its LSN',
      { promises: [promise('b', '0/9000', 1), promise('c')] },
      'c | b:timeline-is-ancestor,most-advanced',
    ],
    [
      'an older timeline that ended exactly at the fork has everything up to it',
      { promises: [promise('b', '0/1000', 1), promise('c', '0/1000', 1)] },
      'b c',
    ],
    [
      'below the start of the epoch something acknowledged may be missing',
      { promises: [promise('b', '0/FFF', 1), promise('c', '0/FFF', 1)] },
      ' | b:has-the-start-of-the-epoch | c:has-the-start-of-the-epoch',
    ],
    [
      'the newer timeline beats a higher LSN',
      {
        record: {
          ...record,
          timeline: 3,
          timelineHistory: [
            ...record.timelineHistory,
            { epoch: 4, timeline: 3, startLsn: '0/3000', primary: 'a', at: '' },
          ],
        },
        promises: [promise('b', '0/3000', 3), promise('c', '0/3000', 2)],
      },
      'b | c:most-advanced',
    ],
    [
      'one that was promoted by hand is none, and nobody knows what it acknowledged before',
      { promises: [promise('b', '0/1800', 3), promise('c', '0/3000', 2)] },
      'c | b:timeline-is-ancestor',
    ],
    ['priority 0 never automatically', withB({ priority: 0 }), 'c | b:priority'],
    ['priority 0 by hand', { ...withB({ priority: 0 }), automatic: false }, 'c b'],
    ['maintenance', withB({ maintenance: true }), 'c | b:not-in-maintenance'],
    ['maintenance by hand', { ...withB({ maintenance: true }), automatic: false }, 'b c'],
    ['stopped by hand', withB({ wanted: 'stopped' }), 'c | b:not-stopped-by-hand'],
    ['silent', withB({ reportAgeMs: 1001 }), 'c | b:node-answers'],
    ['not running', withB({ postgresState: 'crashed' }), 'c | b:postgresql-is-a-standby'],
    ['paused replay', withB({ replayPaused: true }), 'c | b:replay-runs'],
    ['no promise', { promises: [promise('c')] }, 'c | b:has-promised'],
    ['a promise for another epoch', { promises: [promise('b', '0/9000', 2, 4), promise('c')] }, 'c | b:has-promised'],
    ['unknown position', { ...withB({ lsn: null }), promises: null }, 'c | b:timeline-is-ancestor'],
    [
      'not a voter',
      { record: { ...record, voterSet: { members: ['c'], k: 1 } }, promises: [promise('b', '0/9000'), promise('c')] },
      'c | b:is-a-voter',
    ],
    ['degraded', { record: { ...record, promotable: 'none' } }, ' | b:group-is-promotable | c:group-is-promotable'],
    ['degraded, data given up', { record: { ...record, promotable: 'none' }, allowDataLoss: true }, 'b c'],
    ['a chosen target', { target: 'c' }, 'c | b:chosen-target'],
    [
      'a less advanced target',
      { target: 'c', promises: [promise('b', '0/2001'), promise('c')] },
      ' | b:chosen-target | c:most-advanced',
    ],
    [
      'a less advanced target, data given up',
      { target: 'c', allowDataLoss: true, promises: [promise('b', '0/2001'), promise('c')] },
      'c | b:chosen-target',
    ],
    [
      'switchover: wishes before LSN',
      {
        purpose: 'switchover',
        promises: null,
        members: [member('b', { priority: 50, lsn: '0/2000' }), member('c', { lsn: '0/1900' })],
      },
      'c b',
    ],
    [
      'switchover: too far behind',
      { purpose: 'switchover', promises: null, primaryLsn: '0/9000', ...withB({ lsn: '0/8F00' }) },
      'b | c:replication-lag',
    ],
    [
      'asynchronous: no voters needed, lag limited',
      {
        record: { ...record, mode: 'asynchronous', voterSet: { members: [], k: 0 } },
        primaryLsn: '0/9000',
        promises: [promise('b', '0/8F00'), promise('c')],
      },
      'b | c:most-advanced,replication-lag',
    ],
  ])('%s', (_, change, expected) => expect(verdict(change)).toBe(expected));

  it('a preview with the same positions says what execution then finds', () => {
    const ranks = (promises: RankingInput['promises']) =>
      rankCandidates(input({ promises })).map((one) => `${one.node}${one.rank}`);
    expect(ranks(null)).toEqual(ranks([promise('b'), promise('c')]));
  });
  it('names measure, limit and remedy of every refusal', () => {
    for (const candidate of rankCandidates(
      input({ members: [member('b', { maintenance: true, priority: 0, wanted: 'stopped' })] }),
    )) {
      for (const check of candidate.checks.filter((one) => !one.ok)) {
        expect(check).toMatchObject({
          measured: expect.any(String),
          limit: expect.any(String),
          remedy: expect.any(String),
        });
      }
      expect(candidate.checks.filter((one) => !one.ok)).toHaveLength(3);
    }
  });
  it('finds the fork that a member is past', () => {
    expect(divergence({ timeline: 1, lsn: '0/1001' }, { record })).toEqual({ forkLsn: '0/1000', timeline: 2 });
    expect(divergence({ timeline: 1, lsn: '0/1000' }, { record })).toBeNull();
    expect(divergence({ timeline: 2, lsn: '0/9999' }, { record })).toBeNull();
    const branched = {
      ...record,
      timeline: 4,
      timelineHistory: [
        ...record.timelineHistory,
        { epoch: 5, timeline: 3, startLsn: '0/2000', primary: 'b', at: '', parent: 2 },
        { epoch: 6, timeline: 4, startLsn: '0/3000', primary: 'c', at: '', parent: 2 },
      ],
    };
    expect(divergence({ timeline: 2, lsn: '0/3000' }, { record: branched })).toBeNull();
    expect(divergence({ timeline: 3, lsn: '0/2500' }, { record: branched })).toEqual({
      forkLsn: '0/2000',
      timeline: 3,
    });
  });
});

describe('promises of a group', () => {
  it.each<[string, Partial<RankingInput>, boolean, boolean]>([
    ['all of ANY 1', {}, true, false],
    ['one of ANY 1', { promises: [promise('b')] }, false, true],
    [
      'one of ALL',
      { record: { ...record, mode: 'synchronous', voterSet: { members: ['b', 'c'], k: 2 } }, promises: [promise('b')] },
      true,
      false,
    ],
    ['promoted by hand does not count', { promises: [promise('b', '0/9000', 3), promise('c')] }, false, true],
    ['strangers do not count', { promises: [promise('b'), promise('x')] }, false, true],
    [
      'asynchronous proves nothing, so the lease must end',
      { record: { ...record, mode: 'asynchronous', voterSet: { members: [], k: 0 } }, promises: [promise('b')] },
      true,
      true,
    ],
    ['no voters', { record: { ...record, voterSet: { members: [], k: 0 } } }, false, true],
    ['degraded meanwhile, its set still in the record', { record: { ...record, promotable: 'none' } }, false, true],
    ['too few, data given up', { promises: [promise('b')], allowDataLoss: true }, true, true],
  ])('%s', (_, change, ok, waits) => {
    expect(promiseCheck(input(change)).ok).toBe(ok);
    expect(mustWaitForLease({ ...input(change), failoverWait: 'promise' })).toBe(waits);
    expect(mustWaitForLease({ ...input(change), failoverWait: 'lease' })).toBe(true);
  });
});

describe('records of a promotion', () => {
  const granted = recordAfterGrant({
    record,
    candidate: 'b',
    promises: [promise('b', '0/2000'), promise('c'), promise('x')],
    members: ['a', 'b', 'c'],
    at: 't',
  });
  it('the grant writes epoch, holder, first voter set and where history starts', () => {
    expect(granted).toMatchObject({
      epoch: 5,
      primary: 'b',
      voterSet: { members: ['c'], k: 1 },
      promotable: 'voters',
      timeline: 3,
    });
    expect(granted.timelineHistory.at(-1)).toEqual({
      epoch: 5,
      timeline: 3,
      startLsn: '0/2000',
      primary: 'b',
      at: 't',
      parent: 2,
    });
  });
  it('whoever has more than the candidate has another history from then on, and is no voter', () => {
    const { voterSet, promotable, timeline } = recordAfterGrant({
      record,
      candidate: 'b',
      promises: [promise('b', '0/2000'), promise('c', '0/2001')],
      members: ['a', 'b', 'c'],
      seenTimeline: 7,
      at: 't',
    });
    expect({ voterSet, promotable }).toMatchObject({ voterSet: { members: [] }, promotable: 'none' });
    // A number that a server took when it was promoted by hand is taken.
    expect(timeline).toBe(8);
  });
  it('needs the candidate\u2019s own promise', () => {
    expect(() => recordAfterGrant({ record, candidate: 'b', promises: [promise('c')], members: [], at: '' })).toThrow(
      'has not promised',
    );
  });
  it('the read-back corrects timeline and fork, also after the holder took another epoch', () => {
    const corrected = recordAfterPromotion(recordAfterRegrant(granted), { timeline: 4, forkLsn: '0/1FF0' });
    expect(corrected).toMatchObject({ epoch: 6, primary: 'b', timeline: 4 });
    expect(corrected.timelineHistory.at(-1)).toMatchObject({ epoch: 5, timeline: 4, startLsn: '0/1FF0' });
  });
});
