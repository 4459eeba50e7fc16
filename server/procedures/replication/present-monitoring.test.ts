/** Windows are of what was sampled: what no sample knows is null and never 0, and archiving is what really archives. */
import { describe, expect, it } from 'vitest';
import type { ResourceSample } from '@/engine/monitoring/model';
import type { WalStatus } from '@/engine/runtime/engine-api';
import { recordedView } from '@/server/testing/recorded-view';
import {
  presentArchiver,
  presentErrors,
  presentGroupDashboard,
  presentGroupMetrics,
  presentLagMetrics,
  presentStandbyMetrics,
  presentThroughput,
  problemsOf,
} from './present-monitoring';

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

it('the dashboard of a group has its problems and those of its nodes, and its verdict', () => {
  const view = recordedView();
  const problem = { severity: 'warning', sentence: 's', since: view.at, remedy: 'r' } as const;
  const problems = [
    { ...problem, rule: 'of-the-group', node: null, group: 'alpha' },
    { ...problem, rule: 'of-a-node', node: 'node-2', group: null },
    { ...problem, rule: 'of-another', node: 'node-5', group: 'beta' },
    { ...problem, rule: 'of-nobody', node: null, group: null },
  ];
  const [alpha] = view.groups;
  expect(problemsOf({ ...view, problems }, [alpha!]).map((one) => one.rule)).toEqual(['of-the-group', 'of-a-node']);
  expect(presentGroupDashboard(view, alpha!, [])).toMatchObject({
    healthy: true,
    total_standbys: 2,
    streaming_standbys: 2,
    waiting_commits: 0,
    archive_mode: null,
    slots_lost: null,
  });
  expect(presentGroupDashboard(view, { ...alpha!, writable: false }, []).healthy).toBe(false);
});

describe('errors', () => {
  const [, standby] = recordedView().nodes;
  const wal = { archiver: { mode: 'off', lastArchivedWal: null, failedCount: 3 } } as unknown as WalStatus;
  const counts = { tablespace: 0, lock: 1, snapshot: 5, bufferPin: 0, deadlock: 0, logicalSlot: 0 };
  const since = '2026-01-01T00:00:00.000Z';
  const nowMs = Date.parse('2026-01-01T02:00:00.000Z');

  it('are counted in all, by cause, and an hour where it is known since when', () => {
    const told = { ...wal, conflicts: { ...counts, since } };
    expect(presentErrors(standby!, told, nowMs)).toMatchObject({
      cancelled_queries: 6,
      cancelled_per_hour: 3,
      conflicts: { lock: 1, snapshot: 5 },
      archive_failures: 3,
    });
    const never = { ...wal, conflicts: { ...counts, since: null } };
    expect(presentErrors(standby!, never, nowMs)).toMatchObject({ cancelled_queries: 6, cancelled_per_hour: null });
  });

  it('that nobody counts are null', () => {
    expect(presentErrors(standby!, wal, nowMs)).toMatchObject({
      cancelled_queries: null,
      conflicts: null,
      slots_lost: null,
    });
  });
});
