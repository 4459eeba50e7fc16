import { expect, it } from 'vitest';
import type { OtherSender } from '../../cluster/model';
import { type DamageInput, damageOf } from './commit-damage';

const set = { members: ['b', 'c'], k: 1 };
const base: DamageInput = {
  report: { otherSenders: [], synchronousCommit: 'on', synchronousStandbyNames: 'ANY 1 ("b_1","c_1")' },
  now: set,
  confirmed: set,
  names: new Map([
    ['b_1', 'b'],
    ['c_1', 'c'],
  ]),
};
const other = (name: string, counts = false, state = 'streaming') =>
  ({ name, user: 'feed', pid: 7, counts, state }) as OtherSender;

it.each<[string, Partial<DamageInput>, string | null]>([
  ['as it was set', {}, null],
  ['not known', { now: null }, null],
  ['nothing set yet', { now: { members: [], k: 0 }, confirmed: null }, null],
  ['emptied by hand', { now: { members: [], k: 0 } }, 'changed by hand'],
  ['another k', { now: { members: ['b', 'c'], k: 2 } }, 'changed by hand'],
  ['a consumer', { report: { ...base.report, otherSenders: [other('feed')] } }, null],
  ['a consumer named like a node is no member', { report: { ...base.report, otherSenders: [other('b')] } }, null],
  ['one with a member’s name', { report: { ...base.report, otherSenders: [other('b_1')] } }, 'like the standby b,'],
  [
    'PostgreSQL compares without case',
    { report: { ...base.report, otherSenders: [other('B_1')] } },
    'like the standby b,',
  ],
  [
    'one that counts by whatever list',
    { report: { ...base.report, otherSenders: [other('x', true)] } },
    'acknowledgement',
  ],
  [
    'a member that is not streaming yet has no slot yet',
    { report: { ...base.report, otherSenders: [other('b_1', false, 'startup')] } },
    null,
  ],
  [
    'a member between two timelines has given its slot back and still a position',
    { report: { ...base.report, otherSenders: [other('b_1', true, 'startup')] } },
    null,
  ],
  ['a base backup', { report: { ...base.report, otherSenders: [other('b_1', false, 'backup')] } }, null],
  [
    'one that is about to stream',
    { report: { ...base.report, otherSenders: [other('b_1', false, 'catchup')] } },
    'like the standby b,',
  ],
  [
    'commits that do not wait',
    { report: { ...base.report, synchronousCommit: 'local' } },
    'synchronous_commit is local',
  ],
  ['written only', { report: { ...base.report, synchronousCommit: 'remote_write' } }, 'remote_write'],
  ['remote_apply is more', { report: { ...base.report, synchronousCommit: 'remote_apply' } }, null],
  [
    'nobody is waited for anyway',
    {
      report: { ...base.report, synchronousCommit: 'off' },
      now: { members: [], k: 0 },
      confirmed: { members: [], k: 0 },
    },
    null,
  ],
])('%s', (_, change, expected) => {
  const damage = damageOf({ ...base, ...change });
  if (expected === null) expect(damage).toBeNull();
  else expect(damage?.sentence).toContain(expected);
});
