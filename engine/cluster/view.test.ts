import { describe, expect, it } from 'vitest';
import { pauseMsOf } from '../operations/core/incident';
import type { GroupSnapshot, NodeSnapshot } from '../operations/core/snapshot';
import { cluster, type FixtureOptions } from '../testing/cluster-fixture';
import type { PlannedChange } from './core/planned-change';
import type { NodeStatus, Problem } from './model';
import { nodeStatus } from './node-status';
import { verdict } from './sentences';
import { groupLinks, groupView } from './view';

const node = (
  options: FixtureOptions,
  id = 'node-2',
  planned: PlannedChange | null = null,
): { node: NodeSnapshot; status: NodeStatus } => {
  const snapshot = cluster(options);
  const found = snapshot.nodes.get(id)!;
  return {
    node: found,
    status: nodeStatus(found, snapshot.groups.get('alpha')!.record, { config: snapshot.config, planned }).status,
  };
};
const group = (options: FixtureOptions) => {
  const snapshot = cluster(options);
  return groupView(snapshot.groups.get('alpha') as GroupSnapshot, snapshot.config, null);
};

describe('node status', () => {
  const rows: readonly [string, string, FixtureOptions, NodeStatus][] = [
    ['streaming standby', 'node-2', {}, 'healthy'],
    ['serving primary', 'node-1', {}, 'healthy'],
    ['silent for longer than a report may be late', 'node-2', { nodes: { 'node-2': { ageMs: 2_501 } } }, 'unhealthy'],
    ['silent for just less', 'node-2', { nodes: { 'node-2': { ageMs: 2_499 } } }, 'healthy'],
    ['never heard', 'node-2', { nodes: { 'node-2': { ageMs: null } } }, 'unhealthy'],
    [
      'not registered yet',
      'node-2',
      { nodes: { 'node-2': { ageMs: null, record: { agentPort: 0 } } } },
      'initializing',
    ],
    ['cloning', 'node-2', { nodes: { 'node-2': { postgres: { state: 'absent' } } } }, 'initializing'],
    ['recovering', 'node-2', { nodes: { 'node-2': { postgres: { state: 'recovering' } } } }, 'initializing'],
    ['crashed', 'node-2', { nodes: { 'node-2': { postgres: { state: 'crashed' } } } }, 'unhealthy'],
    [
      'stopped by hand',
      'node-2',
      { nodes: { 'node-2': { record: { wanted: 'stopped' }, postgres: { state: 'stopped' } } } },
      'stopped',
    ],
    [
      'stopped by hand, agent gone too',
      'node-2',
      { nodes: { 'node-2': { record: { wanted: 'stopped' }, ageMs: null } } },
      'stopped',
    ],
    ['stopped, but wanted', 'node-2', { nodes: { 'node-2': { postgres: { state: 'stopped' } } } }, 'unhealthy'],
    ['not streaming', 'node-2', { nodes: { 'node-2': { postgres: { walReceiver: null } } } }, 'degraded'],
    ['replay paused', 'node-2', { nodes: { 'node-2': { postgres: { replayPaused: true } } } }, 'degraded'],
    ['in trouble', 'node-2', { nodes: { 'node-2': { report: { troubles: ['x'] } } } }, 'degraded'],
    ['disk', 'node-2', { nodes: { 'node-2': { report: { diskUsedBytes: 86 } } } }, 'degraded'],
    [
      'maintenance comes first',
      'node-2',
      { nodes: { 'node-2': { record: { maintenance: true }, ageMs: 9_000 } } },
      'maintenance',
    ],
    ['primary without lease', 'node-1', { nodes: { 'node-1': { report: { lease: null } } } }, 'degraded'],
    ['second primary', 'node-2', { nodes: { 'node-2': { postgres: { state: 'primary' } } } }, 'unhealthy'],
  ];
  it.each(rows)('%s', (_name, id, options, expected) => {
    expect(node(options, id).status).toBe(expected);
  });
});

describe('node status while a switchover is in progress', () => {
  const planned = { operation: 'x', what: 'switchover', successor: 'node-2', step: null, expectedMs: 1, allowedMs: 2 };
  const rows: readonly [string, string, FixtureOptions, NodeStatus][] = [
    ['the old primary stops', 'node-1', { nodes: { 'node-1': { postgres: { state: 'stopping' } } } }, 'initializing'],
    ['it is stopped', 'node-1', { nodes: { 'node-1': { postgres: { state: 'stopped' } } } }, 'initializing'],
    [
      'a standby waits for the new primary',
      'node-3',
      { nodes: { 'node-3': { postgres: { walReceiver: null } } } },
      'initializing',
    ],
    ['one that goes on', 'node-3', {}, 'healthy'],
    ['a crash is a crash', 'node-3', { nodes: { 'node-3': { postgres: { state: 'crashed' } } } }, 'unhealthy'],
    ['silence is silence', 'node-3', { nodes: { 'node-3': { ageMs: 9_000 } } }, 'unhealthy'],
    ['trouble is trouble', 'node-3', { nodes: { 'node-3': { report: { troubles: ['x'] } } } }, 'degraded'],
  ];
  it.each(rows)('%s', (_name, id, options, expected) => {
    expect(node(options, id, planned).status).toBe(expected);
  });
});

describe('group view', () => {
  const rows: readonly [string, FixtureOptions, { writable: boolean; readable: boolean; degraded: boolean }][] = [
    ['served', {}, { writable: true, readable: true, degraded: false }],
    ['lease over', { leaseRemainingMs: 0 }, { writable: false, readable: true, degraded: false }],
    ['primary silent', { nodes: { 'node-1': { ageMs: 9_000 } } }, { writable: false, readable: true, degraded: false }],
    [
      'commits wait for standbys',
      { nodes: { 'node-2': { ageMs: 9_000 }, 'node-3': { ageMs: 9_000 } } },
      { writable: false, readable: true, degraded: true },
    ],
    [
      'degraded is writable',
      { group: { promotable: 'none', voterSet: { members: [], k: 0 } } },
      { writable: true, readable: true, degraded: true },
    ],
    [
      'nobody',
      { nodes: { 'node-1': { ageMs: 9_000 }, 'node-2': { ageMs: 9_000 }, 'node-3': { ageMs: 9_000 } } },
      { writable: false, readable: false, degraded: true },
    ],
  ];
  it.each(rows)('%s', (_name, options, expected) => {
    expect(group(options)).toMatchObject(expected);
  });

  it('puts nothing acknowledged at risk while voters hold it, and measures it otherwise', () => {
    const behind = { 'node-2': { postgres: { lsn: '0/2FFFF00' } }, 'node-3': { postgres: { lsn: '0/2FFFFF0' } } };
    expect(group({ nodes: behind }).dataAtRiskBytes).toBe(0);
    expect(
      group({ nodes: behind, group: { mode: 'asynchronous', voterSet: { members: [], k: 0 } } }).dataAtRiskBytes,
    ).toBe(16);
  });

  it('says how it stands', () => {
    expect(group({}).sentence).toBe('node-1 serves alpha; 2 of 2 standbys stream.');
    expect(group({ group: { promotable: 'none', voterSet: { members: [], k: 0 } } }).sentence).toContain('alone');
    expect(group({ leaseRemainingMs: 0 }).sentence).toBe('alpha takes no writes; its last primary is node-1.');
  });
});

describe('links', () => {
  it('shows a standby without a connection as disconnected', () => {
    const snapshot = cluster({ nodes: { 'node-1': { postgres: { senders: [] } } } });
    const links = groupLinks(snapshot.groups.get('alpha') as GroupSnapshot, snapshot.config);
    expect(links.map(({ to, state, mode }) => ({ to, state, mode }))).toEqual([
      { to: 'node-2', state: 'disconnected', mode: null },
      { to: 'node-3', state: 'disconnected', mode: null },
    ]);
  });

  it('shows how fast each standby is sent WAL', () => {
    const [sender] = (cluster().groups.get('alpha') as GroupSnapshot).members[0]!.report!.postgres.senders;
    const senders = [{ ...sender!, applicationName: 'node-2', bytesPerSecond: 4_096 }];
    const snapshot = cluster({ nodes: { 'node-1': { postgres: { senders } } } });
    const links = groupLinks(snapshot.groups.get('alpha') as GroupSnapshot, snapshot.config);
    expect(links.map(({ to, bytesPerSecond }) => [to, bytesPerSecond])).toEqual([
      ['node-2', 4_096],
      ['node-3', null],
    ]);
  });
});

describe('verdict', () => {
  const base = {
    groups: [],
    nodes: [],
    operations: [],
    pauses: [],
    raft: cluster().raft,
    atMs: Date.parse('2026-01-05T00:00:00.000Z'),
  };
  const problem = (rule: string, severity: Problem['severity'], sentence: string): Problem => ({
    rule,
    severity,
    sentence,
    node: null,
    group: 'alpha',
    since: '2026-01-04T23:59:58.200Z',
    remedy: '',
  });
  it('is healthy with the last pause', () => {
    expect(verdict({ ...base, problems: [] })).toBe('Healthy. No failover so far.');
    const pauses = [
      { operation: 'x', group: 'alpha', kind: 'failover' as const, ms: 410, at: '2026-01-02T00:00:00.000Z' },
    ];
    expect(verdict({ ...base, problems: [], pauses })).toBe('Healthy. Last failover 3 d ago, 0.41 s.');
  });
  it('speaks of the worst first and says since when', () => {
    const lease = problem(
      'lease-expired',
      'critical',
      'alpha has no primary: node-1 lost its lease; promoting node-2: step 3 of 6.',
    );
    const warning = problem('standby-lag', 'warning', 'node-3 is behind.');
    expect(verdict({ ...base, problems: [warning, lease] })).toBe(
      'alpha has no primary since 1.80 s: node-1 lost its lease; promoting node-2: step 3 of 6.',
    );
    expect(verdict({ ...base, problems: [warning, warning] })).toBe('node-3 is behind. 1 more problem.');
    const quorum = problem('control-quorum-lost', 'critical', 'The control store has no majority.');
    expect(verdict({ ...base, problems: [lease, quorum] })).toBe('The control store has no majority.');
  });
  it('knows no pause where no primary changed', () => {
    expect(pauseMsOf({ steps: [], request: { kind: 'start-node', node: 'x' } } as never)).toBeNull();
  });
});
