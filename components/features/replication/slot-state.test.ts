import { expect, it } from 'vitest';
import type { Slot } from '../../providers/wire';
import { dropReason, slotState } from './slot-state';

const slot = (patch: Partial<Slot> = {}) =>
  ({
    slot_name: 'feed',
    active: false,
    active_pid: null,
    wal_status: 'reserved',
    invalidation_reason: null,
    retained_bytes: 1_000_000,
    safe_wal_size: 4_000_000_000,
    owner: 'user',
    synced: false,
    temporary: false,
    ...patch,
  }) as Slot;

it.each([
  ['an idle one', {}, 'idle', 'idle'],
  ['one in use', { active: true }, 'active', 'in use'],
  ['one without a limit', { safe_wal_size: null, retained_bytes: 9e9 }, 'idle', 'idle'],
  ['one beyond max_wal_size', { wal_status: 'extended' }, 'warning', 'idle, keeps much WAL'],
  [
    'one near its limit, though in use',
    { active: true, retained_bytes: 3.5e9, safe_wal_size: 5e8 },
    'warning',
    'far behind',
  ],
  ['one over its limit', { wal_status: 'unreserved', safe_wal_size: -5 }, 'critical', 'about to be lost'],
  ['one whose WAL is gone', { wal_status: 'lost', safe_wal_size: null }, 'critical', 'lost'],
  ['an invalid one', { invalidation_reason: 'rows_removed' }, 'critical', 'lost'],
] as const)('%s', (_what, patch, value, label) => {
  const state = slotState(slot(patch as Partial<Slot>));
  expect([state.value, state.label]).toEqual([value, label]);
  expect(state.why === null).toBe(value === 'idle' || value === 'active');
});

it.each([
  [{}, null],
  [{ owner: 'engine' }, 'member'],
  [{ synced: true }, 'copy'],
  [{ temporary: true }, 'session'],
  [{ active: true, active_pid: 7 }, 'Process 7'],
] as const)('says why %o is not dropped', (patch, word) => {
  const reason = dropReason(slot(patch as Partial<Slot>));
  if (word === null) expect(reason).toBeNull();
  else expect(reason).toContain(word);
});
