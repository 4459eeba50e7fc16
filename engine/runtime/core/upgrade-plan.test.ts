import { describe, expect, it } from 'vitest';
import type { ClusterView } from '../../cluster/model';
import { planUpgrade, type RunningProcess, titleOf, type UpgradeSituation } from './upgrade-plan';

const own = { release: '0.2.0', level: 2, guardianVersion: 2 };
const now = { release: '0.2.0', level: 2 };

type NodeShape = {
  group?: string;
  status?: string;
  streams?: boolean;
  guardian?: number;
  priority?: number;
  wanted?: string;
};

function view(nodes: Record<string, NodeShape>, primaries: Record<string, string>, more: object = {}): ClusterView {
  const groupOf = (id: string) => nodes[id]?.group ?? 'alpha';
  return {
    raft: { leader: 'n1' },
    nodes: Object.entries(nodes).map(([id, shape]) => ({
      record: {
        id,
        group: groupOf(id),
        wanted: shape.wanted ?? 'running',
        maintenance: false,
        priority: shape.priority ?? 100,
      },
      status: shape.status ?? 'healthy',
      statusReason: 'because',
      report: {
        guardianVersion: shape.guardian ?? null,
        postgres: { walReceiver: (shape.streams ?? true) ? { status: 'streaming' } : null },
      },
    })),
    groups: Object.entries(primaries).map(([name, primary]) => ({
      record: {
        name,
        primary,
        mode: 'semi_synchronous',
        voterSet: { members: Object.keys(nodes).filter((id) => groupOf(id) === name && id !== primary), k: 1 },
      },
      writable: true,
      degraded: false,
      sentence: 'fine',
    })),
    operations: [],
    ...more,
  } as unknown as ClusterView;
}

const running = (names: readonly string[], program: object = {}): RunningProcess[] =>
  names.map((name, at) => ({ name, pid: 100 + at, ...program }));

function situation(more: Partial<UpgradeSituation> = {}): UpgradeSituation {
  return {
    own,
    launcher: { name: 'launcher', pid: 1, ...now },
    processes: running(['n1', 'n2', 'n3', 'router', 'server']),
    view: view({ n1: {}, n2: {}, n3: {} }, { alpha: 'n1' }),
    only: null,
    ...more,
  };
}

const titles = (more: Partial<UpgradeSituation> = {}) => planUpgrade(situation(more)).steps.map(titleOf);

describe('the order of an upgrade', () => {
  it('standbys, then the switchover and the old primary, then router and console', () => {
    expect(titles()).toEqual([
      'Replace the agent of n2 and its guardian',
      'Replace the agent of n3 and its guardian',
      'Switch alpha over from n1',
      'Replace the agent of n1 and its guardian',
      'Replace the router',
      'Replace the console',
    ]);
  });

  it('standbys of all groups before any primary, and the leader of the control store after the others', () => {
    const two = view({ n1: {}, n2: {}, n3: { group: 'beta' }, n4: { group: 'beta' } }, { alpha: 'n2', beta: 'n3' });
    expect(titles({ view: two, processes: running(['n1', 'n2', 'n3', 'n4']) })).toEqual([
      'Replace the agent of n4 and its guardian',
      'Replace the agent of n1 and its guardian',
      'Switch alpha over from n2',
      'Replace the agent of n2 and its guardian',
      'Switch beta over from n3',
      'Replace the agent of n3 and its guardian',
    ]);
  });

  it('goes on where it stopped: what runs this release already is left alone', () => {
    const processes = [...running(['n1']), ...running(['n2', 'n3', 'router', 'server'], now)];
    expect(titles({ processes })).toEqual(['Switch alpha over from n1', 'Replace the agent of n1 and its guardian']);
    expect(titles({ processes, view: view({ n1: {}, n2: {}, n3: {} }, { alpha: 'n2' }) })).toEqual([
      'Replace the agent of n1 and its guardian',
    ]);
    expect(titles({ processes: running(['n1', 'n2', 'n3', 'router', 'server'], now) })).toEqual([]);
  });

  it('again: what was there at the beginning, and not what replaced it since', () => {
    const processes = running(['n1', 'n2', 'n3'], now);
    expect(titles({ processes, again: new Set(processes.map(({ pid }) => pid)) })).toHaveLength(4);
    expect(titles({ processes, again: new Set([100]) })).toEqual([
      'Switch alpha over from n1',
      'Replace the agent of n1 and its guardian',
    ]);
  });

  it('only what was named', () => {
    expect(titles({ only: ['n3', 'router'] })).toEqual([
      'Replace the agent of n3 and its guardian',
      'Replace the router',
    ]);
  });

  it('a server goes on where its guardian is new enough', () => {
    const [first, second] = planUpgrade(
      situation({ view: view({ n1: {}, n2: { guardian: 2 }, n3: { guardian: 1 } }, { alpha: 'n1' }) }),
    ).steps;
    expect(first).toMatchObject({ kind: 'agent', node: 'n2', how: 'leave' });
    expect(second).toMatchObject({ kind: 'agent', node: 'n3', how: 'stop' });
  });

  it.each<[string, Record<string, NodeShape>]>([
    ['alone', { n1: {} }],
    ['whose other member is stopped by hand', { n1: {}, n2: { wanted: 'stopped', status: 'stopped' } }],
    ['whose other member is never to be promoted', { n1: {}, n2: { priority: 0 } }],
  ])('a primary %s has no heir: no switchover, and the preview says what that costs', (_what, nodes) => {
    const { steps } = planUpgrade(situation({ processes: running(['n1']), view: view(nodes, { alpha: 'n1' }) }));
    expect(steps).toHaveLength(1);
    expect(steps[0]!.effect).toMatch(/takes no writes until n1 is back/);
  });
});

describe('what keeps it from the next step', () => {
  it('nothing, where all is well', () => {
    expect(planUpgrade(situation()).troubles).toEqual([]);
  });

  it.each<[string, Partial<UpgradeSituation>, RegExp]>([
    ['no launcher', { launcher: null }, /No launcher runs/],
    ['a launcher of another release', { launcher: { name: 'launcher', pid: 77 } }, /kill -USR2 77/],
    [
      'a newer process',
      { processes: running(['n1'], { release: '9.0.0', level: 9 }) },
      /n1 runs release 9\.0\.0, which is newer/,
    ],
    [
      'a node that is ill',
      { view: view({ n1: {}, n2: { status: 'unhealthy' } }, { alpha: 'n1' }) },
      /n2 is unhealthy: because/,
    ],
    [
      'a standby that does not stream',
      { view: view({ n1: {}, n2: { streams: false } }, { alpha: 'n1' }) },
      /n2 does not stream from n1 yet/,
    ],
    [
      'a running operation',
      { view: view({ n1: {} }, { alpha: 'n1' }, { operations: [{ id: 'op-1', kind: 'failover', state: 'running' }] }) },
      /Operation op-1 \(failover\) is running/,
    ],
  ])('%s', (_what, more, sentence) => {
    expect(planUpgrade(situation(more)).troubles.join('\n')).toMatch(sentence);
  });

  it('a group that is degraded, or a standby whose acknowledgement does not count yet', () => {
    const base = view({ n1: {}, n2: {} }, { alpha: 'n1' });
    const [group] = base.groups;
    const degraded = { ...base, groups: [{ ...group!, degraded: true, sentence: 'alpha is degraded' }] };
    expect(planUpgrade(situation({ view: degraded })).troubles).toEqual(['alpha: alpha is degraded']);
    const voterSet = { members: [], k: 1 };
    const uncounted = { ...base, groups: [{ ...group!, record: { ...group!.record, voterSet } }] };
    expect(planUpgrade(situation({ view: uncounted })).troubles).toEqual([
      'n2 is no synchronous standby of alpha yet.',
    ]);
    const asynchronous = { ...uncounted.groups[0]!.record, mode: 'asynchronous' as const };
    expect(
      planUpgrade(situation({ view: { ...base, groups: [{ ...group!, record: asynchronous }] } })).troubles,
    ).toEqual([]);
  });
});
