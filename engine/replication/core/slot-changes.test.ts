import { describe, expect, it } from 'vitest';
import { fc } from '../../testing/property-tests';
import { slot } from '../../testing/slot-fixture';
import type { SlotInfo } from '../model';
import { slotChanges } from './slot-changes';

const kinds = (before: readonly SlotInfo[], after: readonly SlotInfo[]) =>
  slotChanges(before, after, 'now').map((change) => `${change.kind} ${change.slot.name}`);

describe('what changed between two looks', () => {
  it.each([
    ['nothing', [slot('a')], [slot('a')], []],
    ['a position', [slot('a')], [slot('a', { restartLsn: '0/4000000', retainedBytes: 5 })], []],
    ['a new one', [], [slot('a')], ['created a']],
    ['a new one in use', [], [slot('a', { active: true })], ['created a', 'active a']],
    ['one less', [slot('a'), slot('b')], [slot('b')], ['dropped a']],
    ['taken into use', [slot('a')], [slot('a', { active: true })], ['active a']],
    ['left idle', [slot('a', { active: true })], [slot('a')], ['inactive a']],
    ['its WAL', [slot('a')], [slot('a', { walStatus: 'unreserved' })], ['wal_status a']],
    ['invalid', [slot('a')], [slot('a', { invalidationReason: 'wal_removed' })], ['wal_status a']],
    [
      'another of the name',
      [slot('a')],
      [slot('a', { type: 'logical', plugin: 'pgoutput', database: 'app' })],
      ['dropped a', 'created a'],
    ],
  ] as const)('%s', (_what, before, after, expected) => expect(kinds(before, after)).toEqual(expected));

  it('applied to what was there gives the names that are there', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'));
    fc.assert(
      fc.property(names, names, (before, after) => {
        const now = new Set<string>(before);
        for (const { kind, slot: one } of slotChanges(
          before.map((name) => slot(name)),
          after.map((name) => slot(name)),
          '',
        )) {
          if (kind === 'created') now.add(one.name);
          if (kind === 'dropped') now.delete(one.name);
        }
        expect([...now].sort()).toEqual([...after].sort());
      }),
    );
  });
});
