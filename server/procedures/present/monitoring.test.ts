/** Windows are of what was sampled: what no sample knows is null and never 0, and archiving is what really archives. */
import { describe, expect, it } from 'vitest';
import type { ResourceSample } from '@/engine/monitoring/model';
import { recordedView } from '@/server/testing/recorded-view';
import {
  presentArchiver,
  presentGroupMetrics,
  presentLagMetrics,
  presentStandbyMetrics,
  presentThroughput,
} from './monitoring';

function sample(minute: number, patch: Partial<ResourceSample> = {}): ResourceSample {
  return {
    at: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
    cpuPercent: 1,
    memoryPercent: 1,
    diskUsedBytes: 1,
    diskTotalBytes: 2,
    transactionsPerSecond: 1,
    connections: 1,
    walBytesPerSecond: 0,
    replayLagMs: null,
    lagBytes: null,
    ...patch,
  };
}

describe('a standby', () => {
  const view = recordedView();
  const lags = Array.from({ length: 20 }, (_, index) => sample(index, { replayLagMs: index, walBytesPerSecond: 100 }));

  it('has mean, 95th percentile and largest of its samples, beside what is now', () => {
    expect(presentLagMetrics(view, 'node-2', lags)).toMatchObject({
      group: 'alpha',
      primary_node: 'node-1',
      lag_bytes: 1000,
      lag_ms: 3,
      replay_lag_ms: { avg: 9.5, p95: 18, max: 19 },
      replay_backlog_bytes: null,
      samples: 20,
      window_from: '2026-01-01T00:00:00.000Z',
      window_to: '2026-01-01T00:19:00.000Z',
    });
    expect(presentThroughput(view, 'node-2', lags)).toMatchObject({
      sent_bytes_per_second: null,
      received_bytes_per_second: { avg: 100, p95: 100, max: 100 },
    });
  });

  it('without samples has no window', () => {
    const none = presentStandbyMetrics(view, 'node-2', []);
    expect(none).toMatchObject({ samples: 0, window_from: null, replay_lag_ms: null, received_bytes_per_second: null });
  });

  it('is part of its group, whose worst is in front', () => {
    const all = ['node-2', 'node-3', 'node-5'].map((id) => presentStandbyMetrics(view, id, []));
    const alpha = presentGroupMetrics(view, view.groups[0]!, all);
    expect(alpha).toMatchObject({ max_lag_ms: 6, max_lag_bytes: 2000, wal_bytes_per_second: null });
    expect(alpha.standbys.map((one) => one.node_id)).toEqual(['node-2', 'node-3']);
  });
});

describe('an archiver', () => {
  const [primary, standby] = recordedView().nodes;
  const told = { mode: 'on', target: 'command', lastArchivedWal: null, failedCount: 2, readyFiles: 7 } as const;

  it('archives where its mode covers the role and there is a target', () => {
    expect(presentArchiver(primary!, told)).toMatchObject({ archiving: true, backlog_segments: 7, failed_count: 2 });
    expect(presentArchiver(standby!, told).archiving).toBe(false);
    expect(presentArchiver(standby!, { ...told, mode: 'always' }).archiving).toBe(true);
    expect(presentArchiver(primary!, { ...told, target: null }).archiving).toBe(false);
  });

  it('of an older agent is told without what that does not tell', () => {
    const older = { mode: 'off', lastArchivedWal: null, failedCount: 0 };
    expect(presentArchiver(primary!, older)).toMatchObject({
      target: null,
      archived_count: null,
      backlog_segments: null,
    });
  });
});
