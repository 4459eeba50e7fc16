/** What is not known is told as unknown, never as good; a pause on purpose is no failure. */
import { describe, expect, it } from 'vitest';
import type { ClusterView, NodeView } from '@/engine/cluster/model';
import { recordedView } from '@/server/testing/recorded-view';
import { presentHealth, presentNodeHealth } from './present-health';

const view = recordedView();
const current = (changed: Partial<ClusterView> = {}) => ({ view: { ...view, ...changed }, ageMs: 0, live: true });
const standby = view.nodes.find((node) => node.role === 'standby')!;

function healthOf(change: Partial<NodeView>) {
  const node = { ...standby, ...change };
  const nodes = view.nodes.map((one) => (one === standby ? node : one));
  const health = presentNodeHealth(current({ nodes }), node);
  return { ...health, of: Object.fromEntries(health.checks.map((one) => [one.name, [one.status, one.ok]])) };
}

describe('health of a node', () => {
  it('a node that was never heard: nothing is known of it, not even a time', () => {
    const { of, last_check } = healthOf({ report: null, reportAgeMs: null });
    expect(last_check).toBeNull();
    expect(of).toEqual({
      'agent-reports': ['failed', false],
      'postgres-serves': ['unknown', false],
      'lets-sessions-in': ['unknown', false],
      'replication-lag': ['unknown', false],
      'disk-space': ['unknown', false],
      'interconnect-links': ['unknown', false],
      'no-troubles': ['unknown', false],
    });
  });

  it('a server that runs and lets nobody in fails the check of that name, with what its page says of it', () => {
    const report = standby.report!;
    const trouble = { since: view.at, error: 'timeout expired', sqlState: null, strangers: 44, lockHolders: [] };
    const postgres = { ...report.postgres, serviceTrouble: { kind: 'no-new-sessions' as const, ...trouble } };
    const { checks } = healthOf({ report: { ...report, postgres } });
    expect(checks.find(({ name }) => name === 'lets-sessions-in')).toMatchObject({
      status: 'failed',
      measured: 'PostgreSQL lets nobody in (timeout expired): 44 connections have not signed in.',
    });
    expect(healthOf({ report }).of['lets-sessions-in']).toEqual(['ok', true]);
    const stopped = { ...report.postgres, state: 'stopped' as const };
    expect(healthOf({ report: { ...report, postgres: stopped } }).of['lets-sessions-in']).toEqual(['unknown', false]);
  });

  it('lag and disk that were not measured are unknown beside what was', () => {
    const report = standby.report!;
    const postgres = { ...report.postgres, lsn: null, replayLsn: null };
    const { of } = healthOf({ report: { ...report, diskTotalBytes: 0, postgres } });
    expect(of).toMatchObject({
      'agent-reports': ['ok', true],
      'postgres-serves': ['ok', true],
      'replication-lag': ['unknown', false],
      'disk-space': ['unknown', false],
    });
  });
});

describe('the verdict', () => {
  const paused = view.groups.map((group, index) => (index === 0 ? { ...group, writable: false } : group));
  const changing = {
    rule: 'primary-changing',
    severity: 'info',
    node: null,
    group: paused[0]!.record.name,
    sentence: 'x',
    since: view.at,
    remedy: '',
  } as const;
  it.each([
    ['served', {}, 'healthy'],
    ['nobody takes writes', { groups: paused }, 'critical'],
    ['nobody takes writes on purpose', { groups: paused, problems: [changing] }, 'degraded'],
    ['on purpose in another group', { groups: paused, problems: [{ ...changing, group: 'other' }] }, 'critical'],
  ] as const)('%s', (_what, changed, status) => {
    expect(presentHealth(current({ problems: [], ...changed } as Partial<ClusterView>)).status).toBe(status);
  });
});
