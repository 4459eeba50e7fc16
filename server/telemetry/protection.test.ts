import { expect, it } from 'vitest';
import type { CommitMode, GroupRecord } from '@/engine/cluster/model';
import { isProtected } from './protection';

const group = (mode: CommitMode, members: readonly string[], degraded = false) => ({
  record: { mode, voterSet: { members, k: Math.min(1, members.length) } } as unknown as GroupRecord,
  degraded,
});

it.each([
  ['a standby acknowledges', group('semi_synchronous', ['b']), true],
  ['nobody acknowledges in its mode', group('asynchronous', []), false],
  ['no standby counts', group('semi_synchronous', []), false],
  ['it is degraded', group('synchronous', ['b'], true), false],
])('protected or not: %s', (_what, given, expected) => expect(isProtected(given)).toBe(expected));
