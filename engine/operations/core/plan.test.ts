import { describe, expect, it } from 'vitest';
import { cluster, type FixtureOptions } from '../../testing/cluster-fixture';
import type { OperationRequest } from '../model';
import { expectedPauseMs, firstFailoverPauseMs, firstSwitchoverPauseMs } from './expected-pause';
import { needsGroupLock } from './group-lock';
import { type Plan, planMeaning, planOperation } from './plan';
import { recoveryFor } from './recovery';

const plan = (request: OperationRequest, options: FixtureOptions = {}, admin = true): Plan =>
  planOperation(request, cluster(options), { admin });
const names = (of: Plan) => of.steps.map((step) => step.name);
const reasons = (of: Plan) =>
  (of.refusal?.reasons ?? []).map((reason) => `${reason.rule}${reason.node ? ` ${reason.node}` : ''}`);

const switchover: OperationRequest = { kind: 'failover', group: 'alpha', mode: 'switchover' };
const failover: OperationRequest = { kind: 'failover', group: 'alpha', mode: 'failover' };
const automatic: OperationRequest = {
  ...failover,
  automatic: { cause: 'x', detectedAt: '2026-01-02T00:00:00.000Z', lastServedAt: null },
};
const down = { 'node-1': { ageMs: 9_000 } };
const promotion = ['collect-promises', 'choose', 'grant', 'promote', 'route'];
const first = ['check-target', 'checkpoint', 'drain', 'demote', ...promotion].map((name) => `${name}-first`);

describe('steps of each kind of operation', () => {
  const rows: readonly [string, OperationRequest, FixtureOptions, readonly string[]][] = [
    ['switchover', switchover, {}, ['check-target', 'checkpoint', 'drain', 'demote', ...promotion, 'rejoin']],
    ['failover', failover, { nodes: down }, [...promotion, 'rejoin']],
    [
      'failover of a serving primary without acknowledging standbys stops it',
      failover,
      { group: { mode: 'asynchronous', voterSet: { members: [], k: 0 } } },
      ['demote', ...promotion, 'rejoin'],
    ],
    ['start', { kind: 'start-node', node: 'node-2' }, {}, ['set-wanted-running', 'start-postgres', 'wait-streaming']],
    [
      'start of the primary',
      { kind: 'start-node', node: 'node-1' },
      {},
      ['set-wanted-running', 'start-postgres', 'wait-serving'],
    ],
    [
      'stop of a standby',
      { kind: 'stop-node', node: 'node-2', mode: 'fast' },
      {},
      ['set-wanted-stopped', 'stop-postgres'],
    ],
    [
      'stop of a primary',
      { kind: 'stop-node', node: 'node-1', mode: 'fast' },
      {},
      [...first, 'set-wanted-stopped', 'stop-postgres'],
    ],
    [
      'forced stop of a primary',
      { kind: 'stop-node', node: 'node-1', mode: 'fast', force: true },
      {},
      ['set-wanted-stopped', 'stop-postgres'],
    ],
    ['restart of a standby', { kind: 'restart-node', node: 'node-2' }, {}, ['restart-postgres', 'wait-streaming']],
    [
      'restart of a primary',
      { kind: 'restart-node', node: 'node-1' },
      {},
      [...first, 'restart-postgres', 'wait-streaming'],
    ],
    [
      'restart of a primary in place',
      { kind: 'restart-node', node: 'node-1', force: true },
      {},
      ['restart-postgres', 'wait-serving'],
    ],
    ['rejoin', { kind: 'rejoin-node', node: 'node-2' }, {}, ['set-wanted-running', 'start-postgres', 'wait-streaming']],
    [
      'reclone',
      { kind: 'rejoin-node', node: 'node-2', reclone: true },
      {},
      ['set-wanted-running', 'reclone', 'wait-streaming'],
    ],
    ['maintenance', { kind: 'maintenance', node: 'node-2', enabled: true }, {}, ['set-maintenance']],
    ['end of maintenance', { kind: 'maintenance', node: 'node-2', enabled: false }, {}, ['clear-maintenance']],
    [
      'add a node',
      { kind: 'add-node', node: 'node-9', group: 'alpha', region: 'r', host: 'h' },
      {},
      ['register-node', 'wait-agent', 'join-store', 'wait-streaming'],
    ],
    [
      'remove a standby',
      { kind: 'remove-node', node: 'node-2' },
      {},
      ['set-maintenance', 'leave-voter-set', 'set-wanted-stopped', 'stop-postgres', 'leave-store', 'delete-node'],
    ],
    [
      'replication',
      { kind: 'configure-replication', group: 'alpha', mode: 'synchronous', standbys: ['node-2'], settings: {} },
      {},
      ['write-settings', 'apply-settings-node-2', 'apply-settings-node-3', 'apply-settings-node-1', 'wait-voters'],
    ],
    [
      'settings that a reload applies',
      { kind: 'change-settings', group: 'alpha', settings: { work_mem: '8MB' } },
      {},
      ['write-settings', 'apply-settings-node-2', 'apply-settings-node-3', 'apply-settings-node-1'],
    ],
    [
      'settings that need a restart roll: standbys, switchover, old primary',
      { kind: 'change-settings', group: 'alpha', settings: { max_connections: '200' } },
      {},
      [
        'write-settings',
        'apply-settings-node-2',
        'apply-settings-node-3',
        'apply-settings-node-1',
        'restart-postgres-node-2',
        'wait-streaming-node-2',
        'restart-postgres-node-3',
        'wait-streaming-node-3',
        ...first,
        'restart-postgres-node-1',
        'wait-streaming-node-1',
      ],
    ],
    [
      'what standbys must not have lower than the primary is lowered there first, in place',
      { kind: 'change-settings', group: 'alpha', settings: { max_connections: '150', work_mem: '8MB' } },
      {},
      [
        'write-settings',
        'apply-settings-node-2',
        'apply-settings-node-3',
        'apply-settings-node-1',
        'restart-postgres-node-1',
        'wait-serving-node-1',
        'restart-postgres-node-2',
        'wait-streaming-node-2',
        'restart-postgres-node-3',
        'wait-streaming-node-3',
      ],
    ],
  ];
  it.each(rows)('%s', (_name, request, options, expected) => {
    const made = plan(request, options);
    expect(made.refusal).toBeNull();
    expect(names(made)).toEqual(expected);
    expect(new Set(names(made)).size).toBe(made.steps.length);
  });
});

describe('refusals name every reason', () => {
  it('a target of another group is not said to be unknown', () => {
    const { refusal } = planOperation({ ...switchover, target: 'node-9' } as OperationRequest, cluster(), {
      admin: true,
    });
    expect(refusal?.message).toBe('alpha has no node node-9.');
  });

  const rows: readonly [string, OperationRequest, FixtureOptions, string, readonly string[]][] = [
    ['no control majority', switchover, { hasQuorum: false }, 'FORBIDDEN', ['control-quorum']],
    ['another operation', switchover, { group: { operation: 'op-1' } }, 'CONFLICT', ['no-operation-running']],
    ['switchover without a primary', switchover, { nodes: down }, 'CONFLICT', ['primary-serves node-1']],
    [
      'no standby streams',
      switchover,
      { nodes: { 'node-1': { postgres: { senders: [] } } } },
      'CONFLICT',
      ['streaming node-2', 'streaming node-3'],
    ],
    [
      'target is the primary',
      { ...switchover, target: 'node-1' } as OperationRequest,
      {},
      'CONFLICT',
      ['target-is-standby node-1'],
    ],
    ['unknown target', { ...switchover, target: 'node-9' } as OperationRequest, {}, 'NOT_FOUND', []],
    ['unknown group', { ...switchover, group: 'beta' } as OperationRequest, {}, 'NOT_FOUND', []],
    [
      'a needed voter is gone too',
      failover,
      { nodes: { ...down, 'node-3': { ageMs: 9_000 } } },
      'CONFLICT',
      ['voter-quorum'],
    ],
    [
      'automatic failover is paused',
      automatic,
      { nodes: down, group: { automaticFailover: false } },
      'CONFLICT',
      ['automatic-failover-on'],
    ],
    [
      'the primary is in maintenance',
      automatic,
      { nodes: { 'node-1': { ageMs: 9_000, record: { maintenance: true } } } },
      'CONFLICT',
      ['primary-not-in-maintenance node-1'],
    ],
    [
      'data loss needs an admin',
      { ...failover, allowDataLoss: true } as OperationRequest,
      { nodes: down },
      'FORBIDDEN',
      ['admin-only'],
    ],
    [
      'force needs an admin',
      { kind: 'stop-node', node: 'node-1', mode: 'fast', force: true },
      {},
      'FORBIDDEN',
      ['admin-only'],
    ],
    [
      'the primary is not removed without force',
      { kind: 'remove-node', node: 'node-1' },
      {},
      'FORBIDDEN',
      ['admin-only'],
    ],
    [
      'the control store keeps its majority',
      { kind: 'remove-node', node: 'node-2' },
      { nodes: { 'node-1': { ageMs: 9_000 } } },
      'CONFLICT',
      ['control-majority-kept node-2'],
    ],
    [
      'a name is taken',
      { kind: 'add-node', node: 'node-2', group: 'alpha', region: 'r', host: 'h' },
      {},
      'CONFLICT',
      ['name-free node-2'],
    ],
    [
      'a bad name',
      { kind: 'add-node', node: 'Node 2', group: 'alpha', region: 'r', host: 'h' },
      {},
      'INVALID_INPUT',
      ['name-valid Node 2'],
    ],
    [
      'an unknown and an unfit standby',
      {
        kind: 'configure-replication',
        group: 'alpha',
        mode: 'synchronous',
        standbys: ['node-9', 'node-1'],
        settings: {},
      },
      {},
      'INVALID_INPUT',
      ['is-standby node-9', 'is-standby node-1'],
    ],
    [
      'a standby that was stopped by hand',
      { kind: 'configure-replication', group: 'alpha', mode: 'synchronous', standbys: ['node-2'], settings: {} },
      { nodes: { 'node-2': { record: { wanted: 'stopped' } } } },
      'INVALID_INPUT',
      ['not-stopped-by-hand node-2'],
    ],
    [
      'settings that are ours',
      { kind: 'change-settings', group: 'alpha', settings: { synchronous_standby_names: '', archive_command: 'x' } },
      {},
      'INVALID_INPUT',
      ['setting-allowed', 'setting-allowed'],
    ],
    [
      'WAL archiving with nowhere to archive to',
      {
        kind: 'configure-replication',
        group: 'alpha',
        mode: 'semi_synchronous',
        standbys: ['node-2'],
        settings: { archive_mode: 'on' },
      },
      {},
      'INVALID_INPUT',
      ['archive-target'],
    ],
    [
      'the same as a setting of the group',
      { kind: 'change-settings', group: 'alpha', settings: { archive_mode: 'always' } },
      {},
      'INVALID_INPUT',
      ['archive-target'],
    ],
    ['rejoin of the primary', { kind: 'rejoin-node', node: 'node-1' }, {}, 'CONFLICT', ['is-standby node-1']],
    ['unknown node', { kind: 'start-node', node: 'node-9' }, {}, 'NOT_FOUND', []],
  ];
  it.each(rows)('%s', (name, request, options, code, expected) => {
    const made = plan(request, options, !name.endsWith('needs an admin') && !name.includes('without force'));
    expect(made.refusal?.code).toBe(code);
    expect(reasons(made)).toEqual(expected);
  });

  it('says CLU_NO_QUORUM and CLU_OPERATION_RUNNING', () => {
    expect(plan(switchover, { hasQuorum: false }).refusal?.clusterCode).toBe('CLU_NO_QUORUM');
    expect(plan(switchover, { group: { operation: 'x' } }).refusal?.clusterCode).toBe('CLU_OPERATION_RUNNING');
  });
});

describe('candidates', () => {
  it('shows every standby with every rule, the fit ones ranked', () => {
    const made = plan(switchover, {
      nodes: { 'node-2': { record: { priority: 50 } }, 'node-3': { postgres: { replayPaused: true } } },
    });
    expect(made.chosen).toBe('node-2');
    expect(made.candidates.map(({ node, eligible, rank }) => ({ node, eligible, rank }))).toEqual([
      { node: 'node-2', eligible: true, rank: 1 },
      { node: 'node-3', eligible: false, rank: null },
    ]);
    for (const candidate of made.candidates) expect(candidate.checks.length).toBeGreaterThan(8);
    const blocker = made.candidates[1]!.checks.find((check) => check.rule === 'replay-runs');
    expect(blocker).toMatchObject({ ok: false, measured: 'paused', limit: 'running', severity: 'blocker' });
  });

  it('takes the most advanced in a failover, the preferred in a switchover', () => {
    const nodes = { 'node-2': { record: { priority: 200 } }, 'node-3': { postgres: { lsn: '0/3000100' } } };
    expect(plan(switchover, { nodes }).chosen).toBe('node-2');
    expect(plan(failover, { nodes: { ...nodes, ...down } }).chosen).toBe('node-3');
  });

  it('counts what would be lost only where it can be lost', () => {
    const nodes = { 'node-1': { ageMs: 9_000, postgres: { lsn: '0/3000400' } } };
    expect(plan(failover, { nodes }).bytesAtRisk).toBe(0);
    const asynchronous = { mode: 'asynchronous' as const, voterSet: { members: [], k: 0 } };
    expect(plan(failover, { nodes, group: asynchronous }).bytesAtRisk).toBe(1024);
  });
});

describe('plan hash', () => {
  const meaning = (request: OperationRequest, options: FixtureOptions = {}) =>
    planMeaning(request, plan(request, options));
  it('does not move with measurements or guards', () => {
    const base = meaning(switchover);
    expect(meaning(switchover, { nodes: { 'node-1': { ageMs: 200, postgres: { lsn: '0/3000100' } } } })).toBe(base);
    expect(meaning({ ...switchover, expectedEpoch: 4, expectedPrimary: 'node-1' } as OperationRequest)).toBe(base);
  });
  it('keeps the shown choice between equals when only the load moved', () => {
    const shown = plan(switchover);
    const busier = cluster({ nodes: { [shown.chosen!]: { report: { cpuPercent: 90 } } } });
    expect(planOperation(switchover, busier, { admin: true }).chosen).not.toBe(shown.chosen);
    const again = planOperation(switchover, busier, { admin: true, prefer: shown.chosen! });
    expect(planMeaning(switchover, again)).toBe(planMeaning(switchover, shown));
  });
  it.each<[string, FixtureOptions]>([
    ['epoch', { group: { epoch: 5 } }],
    ['chosen node', { nodes: { 'node-2': { record: { priority: 1 } } } }],
  ])('moves with the %s', (_name, options) => {
    expect(meaning(switchover, options)).not.toBe(meaning(switchover));
  });
});

describe('expected pause', () => {
  const sample = (group: string, kind: 'failover' | 'switchover', ms: number) => ({
    operation: `${group}${ms}`,
    group,
    kind,
    ms,
    at: '',
  });
  it('is the median of this group, else of the cluster, else the documented first estimate', () => {
    const pauses = [
      sample('alpha', 'switchover', 300),
      sample('alpha', 'switchover', 900),
      sample('alpha', 'switchover', 400),
      sample('beta', 'failover', 77),
    ];
    expect(expectedPauseMs(pauses, 'alpha', 'switchover')).toBe(400);
    expect(expectedPauseMs(pauses, 'alpha', 'failover')).toBe(77);
    expect(expectedPauseMs([], 'alpha', 'failover')).toBe(firstFailoverPauseMs);
    expect(expectedPauseMs([], 'alpha', 'switchover')).toBe(firstSwitchoverPauseMs);
  });
});

describe('group lock', () => {
  it.each<[OperationRequest, boolean]>([
    [switchover, true],
    [{ kind: 'stop-node', node: 'node-2', mode: 'fast' }, true],
    [{ kind: 'remove-node', node: 'node-2' }, false],
    [{ kind: 'start-node', node: 'node-2' }, false],
    [{ kind: 'add-node', node: 'node-9', group: 'alpha', region: 'r', host: 'h' }, false],
    [{ kind: 'maintenance', node: 'node-2', enabled: true }, false],
    [{ kind: 'change-settings', group: 'alpha', settings: { work_mem: '1MB' } }, false],
    [{ kind: 'change-settings', group: 'alpha', settings: { max_connections: '10' } }, true],
  ])('%j: %s', (request, expected) => {
    expect(needsGroupLock(plan(request).steps)).toBe(expected);
  });

  it('is given back when only the look at the others is left', () => {
    const { steps } = plan(switchover);
    expect(needsGroupLock(steps, steps.slice(-1))).toBe(false);
    expect(needsGroupLock(steps, steps.slice(-2))).toBe(true);
  });
});

describe('recovery', () => {
  const base = {
    oldPrimary: 'a',
    recordPrimary: 'a',
    oldPrimaryReachable: true,
    chosen: 'b',
    excluded: [],
    reachable: ['a', 'b', 'c'],
  };
  it.each([
    ['before the stop: undo', { ...base, failed: 'drain' as const }, { kind: 'compensate' }],
    [
      'too few promises: the old primary goes on',
      { ...base, failed: 'collect-promises' as const },
      { kind: 'regrant', node: 'a' },
    ],
    [
      'too few promises and it is dead: end',
      { ...base, failed: 'collect-promises' as const, oldPrimaryReachable: false },
      { kind: 'compensate' },
    ],
    ['grant refused: the next', { ...base, failed: 'grant' as const }, { kind: 'next-candidate', excluded: ['b'] }],
    [
      'nobody is left: the old primary',
      { ...base, failed: 'grant' as const, excluded: ['c'] },
      { kind: 'regrant', node: 'a' },
    ],
    [
      'after a grant the old primary is a member like the others',
      { ...base, failed: 'promote' as const, recordPrimary: 'b', excluded: ['c'] },
      { kind: 'next-candidate', excluded: ['c', 'b'] },
    ],
    [
      'everybody failed: end',
      { ...base, failed: 'route' as const, recordPrimary: 'b', excluded: ['a', 'c'] },
      { kind: 'compensate' },
    ],
  ])('%s', (_name, input, expected) => {
    expect(recoveryFor(input)).toEqual(expected);
  });
});
