import { describe, expect, it } from 'vitest';
import { slot } from '../../testing/slot-fixture';
import type { SlotInfo } from '../model';
import { type CopyDecision, type CopyFacts, decideCopies, heldBy, holdOf } from './copy-rules';

const failover = (name: string, patch: Partial<SlotInfo> = {}) =>
  slot(name, { type: 'logical', database: 'app', failover: true, ...patch });
const copy = (name: string, patch: Partial<SlotInfo> = {}) => failover(name, { synced: true, ...patch });
const facts = (patch: Partial<CopyFacts>): CopyFacts => ({
  local: [],
  onPrimary: [],
  epoch: 5,
  copiedUnder: 5,
  letGo: false,
  ...patch,
});
const nothing: CopyDecision = {
  copying: true,
  kept: [],
  exchange: [],
  drop: [],
  left: [],
  release: [],
  missing: [],
};

describe('decideCopies', () => {
  it.each<[string, Partial<CopyFacts>, Partial<CopyDecision>]>([
    ['nothing anywhere: a slot that comes is copied', {}, {}],
    ['a ready copy of a slot that is there', { local: [copy('a')], onPrimary: ['a'] }, {}],
    ['none yet', { onPrimary: ['a'] }, { missing: ['a'] }],
    ['one that is not ready', { local: [copy('a', { temporary: true })], onPrimary: ['a'] }, { missing: ['a'] }],
    ['the same primary dropped the slot', { local: [copy('a')] }, {}],
    ['a new primary never had it', { local: [copy('a')], copiedUnder: 4 }, { copying: false, kept: ['a'] }],
    ['nobody knows since when', { local: [copy('a')], copiedUnder: 0 }, { copying: false, kept: ['a'] }],
    ['an operator lets it go', { local: [copy('a')], copiedUnder: 4, letGo: true }, {}],
    [
      'it stays although others are missing',
      { local: [copy('a')], onPrimary: ['b'], copiedUnder: 4 },
      { copying: false, kept: ['a'], missing: ['b'] },
    ],
    [
      'an invalid copy is worth nothing',
      { local: [copy('a', { invalidationReason: 'wal_removed' })], copiedUnder: 4 },
      {},
    ],
    ['an unfinished one neither', { local: [copy('a', { temporary: true })], copiedUnder: 4 }, {}],
    [
      'its own slot in the way of a copy',
      { local: [failover('a')], onPrimary: ['a'], copiedUnder: 4 },
      { exchange: ['a'], missing: ['a'] },
    ],
    [
      'its own slot that is lost',
      { local: [failover('a', { walStatus: 'lost' })], onPrimary: ['a'] },
      { drop: ['a'], missing: ['a'] },
    ],
    [
      'its own slot that somebody reads from',
      { local: [failover('a', { active: true })], onPrimary: ['a'] },
      { copying: false, missing: ['a'] },
    ],
    ['its own slot that the primary does not have', { local: [failover('a')], copiedUnder: 4 }, { left: ['a'] }],
    ['slots without failover are nobody’s business', { local: [slot('a')], onPrimary: [], copiedUnder: 4 }, {}],
    ['a hold stays until the copy is ready', { local: [slot('rustydb_hold_a')], onPrimary: ['a'] }, { missing: ['a'] }],
    [
      'and goes then',
      { local: [slot('rustydb_hold_a'), copy('a')], onPrimary: ['a'] },
      { release: ['rustydb_hold_a'] },
    ],
    ['a hold that nothing waits for', { local: [slot('rustydb_hold_a')] }, { release: ['rustydb_hold_a'] }],
    [
      'a hold that lost its WAL',
      { local: [slot('rustydb_hold_a', { invalidationReason: 'wal_removed' })], onPrimary: ['a'] },
      { release: ['rustydb_hold_a'], missing: ['a'] },
    ],
  ])('%s', (_what, patch, expected) => {
    expect(decideCopies(facts(patch))).toEqual({ ...nothing, ...expected });
  });

  it('never runs the worker where that would drop a copy which a change of primary left alone', () => {
    for (const copiedUnder of [0, 4, 5])
      for (const onPrimary of [[], ['a'], ['b'], ['a', 'b']])
        for (const local of [[], [copy('a')], [copy('a'), copy('b')], [copy('a', { temporary: true })]]) {
          const decision = decideCopies(facts({ copiedUnder, onPrimary, local }));
          const wouldGo = local.filter((one) => !one.temporary && !onPrimary.includes(one.name));
          expect(decision.copying).toBe(copiedUnder === 5 || wouldGo.length === 0);
        }
  });
});

it('finds a slot’s hold and the slot of a hold, where the name leaves room', () => {
  expect(heldBy(holdOf('feed')!)).toBe('feed');
  expect(heldBy('feed')).toBeNull();
  expect(holdOf('f'.repeat(50))).toHaveLength(63);
  expect(holdOf('f'.repeat(51))).toBeNull();
});
