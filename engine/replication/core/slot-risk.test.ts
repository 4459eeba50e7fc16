import { describe, expect, it } from 'vitest';
import { slot } from '../../testing/slot-fixture';
import type { SlotInfo } from '../model';
import { type SlotRoom, slotRisk } from './slot-risk';

const GB = 1024 ** 3;
const room: SlotRoom = { keepBytes: 4 * GB, diskFreeBytes: 100 * GB };

describe('slotRisk', () => {
  it.each<[string, Partial<SlotInfo>, Partial<SlotRoom>, string | null]>([
    ['idle, keeps little', { retainedBytes: GB }, {}, null],
    ['idle, keeps half of what it may', { retainedBytes: 2 * GB }, {}, 'warning keeps-wal'],
    ['idle, nearly all: it ends itself, not the server', { retainedBytes: 3.7 * GB }, {}, 'warning keeps-wal'],
    ['in use', { retainedBytes: 3.7 * GB, active: true }, {}, null],
    ['no limit but a wide disk', { retainedBytes: 3.7 * GB }, { keepBytes: null }, null],
    [
      'no limit and a narrow disk',
      { retainedBytes: 4 * GB },
      { keepBytes: null, diskFreeBytes: 3 * GB },
      'warning keeps-wal',
    ],
    ['no limit and no room', { retainedBytes: 9 * GB }, { keepBytes: null, diskFreeBytes: GB }, 'critical keeps-wal'],
    ['the disk ends before the limit', { retainedBytes: GB }, { diskFreeBytes: 0.05 * GB }, 'critical keeps-wal'],
    ['nothing is known of its bounds', { retainedBytes: 99 * GB }, { keepBytes: null, diskFreeBytes: null }, null],
    ['in danger, also in use', { walStatus: 'unreserved', active: true }, {}, 'warning nearly-lost'],
    ['lost', { walStatus: 'lost' }, {}, 'warning lost'],
    ['of no use any more', { invalidationReason: 'idle_timeout' }, {}, 'warning lost'],
    ['a copy on a standby', { walStatus: 'lost', synced: true }, {}, null],
    ['it keeps nothing yet', { retainedBytes: null, walStatus: null }, {}, null],
  ])('%s', (_what, patch, bounds, expected) => {
    const found = slotRisk(slot('feed', patch), { ...room, ...bounds });
    expect(found && `${found.severity} ${found.kind}`).toBe(expected);
  });
});
