import { describe, expect, it } from 'vitest';
import type { GroupRecord } from '../../cluster/model';
import {
  admitFence,
  type DurableMemberState,
  decideConfirm,
  decideFollow,
  decideGrant,
  decidePromise,
  decideResume,
  type FailSafeHold,
  holdAfterRestart,
  type MemberFacts,
} from './promise';

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
  timelineHistory: [],
  operation: null,
  settings: {},
  createdAt: '',
};

function facts(change: Partial<MemberFacts> = {}): MemberFacts {
  return {
    self: 'b',
    record,
    durable: { promisedEpoch: 4, controllerTerm: 7, lastHeldEpoch: 0 },
    hold: null,
    role: 'member',
    now: 1000,
    ...change,
  };
}
const durable = (promisedEpoch: number, controllerTerm = 7): DurableMemberState => ({
  promisedEpoch,
  controllerTerm,
  lastHeldEpoch: 0,
});
const hold = (until: number): FailSafeHold => ({ epoch: 4, until });
const outcome = (decision: { ok: boolean; rule?: string }) => (decision.ok ? 'ok' : decision.rule);

describe('promise', () => {
  it.each<[string, Partial<MemberFacts>, number, number, string]>([
    ['the next epoch', {}, 5, 7, 'ok'],
    ['the same epoch again (a resumed step)', { durable: durable(5) }, 5, 7, 'ok'],
    ['a jump, when the replica is old', { record: { ...record, epoch: 2 } }, 9, 7, 'ok'],
    ['an epoch that is already granted', {}, 4, 7, 'stale-epoch'],
    ['less than what was promised', { durable: durable(6) }, 5, 7, 'promised-higher'],
    ['a controller of an older term', {}, 5, 6, 'stale-controller-term'],
    ['to the holder itself', { role: 'holder' }, 5, 7, 'holds-the-lease'],
    ['under a fail-safe hold', { hold: hold(1001) }, 5, 7, 'fail-safe-hold'],
    ['after the hold ran out', { hold: hold(1000) }, 5, 7, 'ok'],
    ['without any record', { record: null }, 5, 7, 'ok'],
    ['with a new disk', { lostVoter: true }, 5, 7, 'lost-its-disk'],
    ['promoted by hand', { durable: { ...durable(4), byHandTimeline: 2 } }, 5, 7, 'promoted-by-hand'],
    ['copied anew after that', { durable: { ...durable(4), byHandTimeline: 0 } }, 5, 7, 'ok'],
  ])('of %s', (_, change, epoch, controllerTerm, expected) => {
    const decision = decidePromise(facts(change), { epoch, fence: { controllerTerm } });
    expect(outcome(decision)).toBe(expected);
    if (decision.ok) expect(decision.durable).toMatchObject({ promisedEpoch: epoch, controllerTerm });
  });
  it('says how long a hold lasts', () => {
    const decision = decidePromise(facts({ hold: hold(1500.5) }), { epoch: 5, fence: { controllerTerm: 7 } });
    expect(decision).toMatchObject({ ok: false, retryAfterMs: 501 });
  });
  it('never lets epoch or term fall, whatever the order of requests', () => {
    let state = durable(0, 0);
    for (let n = 0; n < 500; n++) {
      const epoch = (n * 7919) % 23;
      const controllerTerm = (n * 104729) % 11;
      const next = decidePromise(facts({ record: null, durable: state }), { epoch, fence: { controllerTerm } });
      if (!next.ok) continue;
      expect(next.durable.promisedEpoch).toBeGreaterThanOrEqual(state.promisedEpoch);
      expect(next.durable.controllerTerm).toBeGreaterThanOrEqual(state.controllerTerm);
      state = next.durable;
    }
    expect(state.controllerTerm).toBe(10);
  });
  it('admits equal and higher terms only', () => {
    expect([6, 7, 8].map((controllerTerm) => outcome(admitFence(durable(1), { controllerTerm })))).toEqual([
      'stale-controller-term',
      'ok',
      'ok',
    ]);
  });
});

describe('follow', () => {
  it.each<[string, Partial<MemberFacts>, string, number, string]>([
    ['the record\u2019s primary', {}, 'a', 4, 'ok'],
    ['it after promising that very epoch', { durable: durable(4) }, 'a', 4, 'ok'],
    ['an older epoch than promised', { durable: durable(5) }, 'a', 4, 'promised-higher'],
    ['an older epoch than recorded', { durable: durable(0) }, 'a', 3, 'stale-epoch'],
    ['another than the record names', {}, 'c', 4, 'not-the-record'],
    ['an epoch not recorded yet', {}, 'c', 5, 'not-the-record'],
    ['itself', { self: 'a' }, 'a', 4, 'not-the-record'],
    ['with a new disk', { lostVoter: true }, 'a', 4, 'lost-its-disk'],
    ['anybody without a record', { record: null }, 'a', 4, 'unknown-group'],
    ['anybody while it holds the lease', { role: 'holder' }, 'a', 4, 'holds-the-lease'],
  ])('%s', (_, change, primary, epoch, expected) => {
    expect(outcome(decideFollow(facts(change), { primary, epoch }))).toBe(expected);
  });
});

describe('grant', () => {
  it.each<[string, Partial<MemberFacts>, number, string]>([
    ['its own promise', { durable: durable(5) }, 5, 'ok'],
    ['no promise', { durable: durable(4) }, 5, 'not-promised'],
    ['a higher promise', { durable: durable(6) }, 5, 'not-promised'],
    ['a granted epoch of another', { durable: durable(4) }, 4, 'stale-epoch'],
    ['a repeat of its own', { record: { ...record, epoch: 5, primary: 'b' }, durable: durable(5) }, 5, 'ok'],
    ['a hold', { durable: durable(5), hold: hold(2000) }, 5, 'fail-safe-hold'],
    ['the holder going on at the next epoch', { self: 'a', role: 'holder', durable: durable(4) }, 5, 'ok'],
    ['the holder that promised more', { self: 'a', role: 'holder', durable: durable(9) }, 5, 'promised-higher'],
  ])('with %s', (_, change, epoch, expected) => {
    const decision = decideGrant(facts(change), { epoch, fence: { controllerTerm: 7 } });
    expect(outcome(decision)).toBe(expected);
    if (decision.ok && expected === 'ok' && change.record === undefined) {
      expect(decision.durable).toMatchObject({ promisedEpoch: epoch, lastHeldEpoch: epoch });
    }
  });
});

describe('fail-safe confirmation', () => {
  const request = { epoch: 4, holder: 'a', holdMs: 2000 };
  it.each<[string, Partial<MemberFacts>, boolean]>([
    ['the recorded holder', {}, true],
    ['a holder newer than the replica knows', { record: { ...record, epoch: 3, primary: 'x' } }, true],
    ['an older epoch than promised', { durable: durable(5) }, false],
    ['an older epoch than recorded', { record: { ...record, epoch: 5 }, durable: durable(0) }, false],
    ['another holder of the same epoch', { record: { ...record, primary: 'c' } }, false],
    ['anybody, being a holder itself', { role: 'holder' }, false],
  ])('of %s', (_, change, confirmed) => {
    const decision = decideConfirm(facts(change), request);
    expect(decision.confirmed).toBe(confirmed);
    expect(decision.hold).toEqual(confirmed ? { epoch: 4, until: 3000 } : null);
  });
  it('never shortens a hold, and a promise is refused while it lasts', () => {
    const first = decideConfirm(facts({ hold: hold(9000) }), request);
    expect(first.hold?.until).toBe(9000);
    expect(outcome(decidePromise(facts({ hold: first.hold }), { epoch: 5, fence: { controllerTerm: 7 } }))).toBe(
      'fail-safe-hold',
    );
  });
  it('after a restart the node behaves as if it had just confirmed', () => {
    const restarted = facts({ hold: holdAfterRestart(1000, 2000, 4) });
    expect(outcome(decidePromise(restarted, { epoch: 5, fence: { controllerTerm: 7 } }))).toBe('fail-safe-hold');
    expect(outcome(decidePromise({ ...restarted, now: 3000 }, { epoch: 5, fence: { controllerTerm: 7 } }))).toBe('ok');
  });
});

describe('the record’s own primary comes back', () => {
  const durable: DurableMemberState = { promisedEpoch: 5, controllerTerm: 7, lastHeldEpoch: 5 };
  it.each([
    ['nothing higher was promised', { ...durable, promisedEpoch: 4 }, null, 0, { kind: 'resume' }],
    ['an operation goes on with the promised epoch', durable, 'op-1', 60_000, { kind: 'wait', forEpoch: 5 }],
    ['the next operation may be about to begin', durable, null, 3_999, { kind: 'wait', forEpoch: 5 }],
    ['a grant prepared here never reached the store', durable, null, 4_000, { kind: 'resume-and-take', epoch: 5 }],
  ] as const)('%s', (_, state, operation, waitedMs, expected) => {
    expect(decideResume(state, { epoch: 4, operation }, waitedMs, 4_000)).toEqual(expected);
  });
});
