/** A view as a healthy default cluster gives it: two groups, five nodes. Tests change parts of it. */
import type { ClusterView, GroupView, LinkView, NodeView, PostgresReport } from '@/engine/cluster/model';
import { formatLsn, parseLsn } from '@/engine/kernel/lsn';

const startedAt = '2026-01-01T00:00:00.000Z';
const primaryLsn = '0/5000000';

const layout = [
  { id: 'node-1', group: 'alpha', region: 'us-east', role: 'primary' },
  { id: 'node-2', group: 'alpha', region: 'us-east', role: 'standby' },
  { id: 'node-3', group: 'alpha', region: 'eu-west', role: 'standby' },
  { id: 'node-4', group: 'beta', region: 'us-east', role: 'primary' },
  { id: 'node-5', group: 'beta', region: 'eu-west', role: 'standby' },
] as const;

function postgresReport(index: number, role: 'primary' | 'standby', standbys: readonly string[]): PostgresReport {
  const behind = role === 'primary' ? 0 : index * 1000;
  const lsn = formatLsn(parseLsn(primaryLsn) - BigInt(behind));
  return {
    state: role,
    postmasterPid: 9000 + index,
    timeline: 1,
    lsn,
    receiveLsn: role === 'primary' ? null : lsn,
    replayLsn: role === 'primary' ? null : lsn,
    replayLagMs: role === 'primary' ? null : index * 3,
    replayPaused: false,
    walReceiver: role === 'primary' ? null : { status: 'streaming', fromNode: null },
    senders: standbys.map((standby) => ({
      applicationName: standby,
      state: 'streaming',
      syncState: 'quorum',
      sentLsn: primaryLsn,
      writeLsn: primaryLsn,
      flushLsn: primaryLsn,
      replayLsn: primaryLsn,
      replyAgeMs: 20,
    })),
    synchronousStandbyNames: null,
    connections: 10 + index,
    maxConnections: 200,
    transactionsPerSecond: role === 'primary' ? 250 : 0,
    databaseBytes: 5_000_000_000,
    walSinceCheckpointBytes: 1_000_000,
    replayBytesPerSecond: 50_000_000,
    startedAt,
    version: '18.4',
    lastExit: null,
    waitingCommits: 0,
  };
}

function nodeView(index: number, at: string): NodeView {
  const { id, group, region, role } = layout[index]!;
  const peers = layout.filter((one) => one.id !== id).map((one) => one.id);
  const standbys = layout.filter((one) => one.group === group && one.role === 'standby').map((one) => one.id);
  return {
    record: {
      id,
      group,
      region,
      host: '127.0.0.1',
      agentPort: 7001 + index,
      postgresPort: 5501 + index,
      incarnation: `incarnation-${index}`,
      wanted: 'running',
      maintenance: false,
      priority: 100,
      createdAt: startedAt,
    },
    role,
    status: 'healthy',
    statusReason: 'serves',
    report: {
      node: id,
      incarnation: `incarnation-${index}`,
      sequence: 1,
      at,
      agentPid: 8000 + index,
      agentStartedAt: startedAt,
      dataDirectory: `/data/nodes/${id}/pgdata`,
      promisedEpoch: 1,
      lease: role === 'primary' ? { held: true, epoch: 1, remainingMs: 1500 } : null,
      postgres: postgresReport(index, role, role === 'primary' ? standbys : []),
      guardianPid: 8500 + index,
      activity: null,
      troubles: [],
      cpuPercent: 3.5,
      memoryPercent: 20,
      memoryBytes: 120_000_000,
      diskUsedBytes: 40_000_000_000,
      diskTotalBytes: 100_000_000_000,
      loopBlockMs: 2,
      stalls: { counts: [900, 60, 20, 10, 5, 3, 1, 1], sumMs: 24_500 },
      links: peers.map((peer) => ({ peer, connected: true, rttUs: 80, lastHeardMs: 30, phi: 0.1 })),
    },
    reportAgeMs: 50,
    raftRole: index === 0 ? 'leader' : 'voter',
  };
}

function groupView(name: 'alpha' | 'beta'): GroupView {
  const members = layout.filter((one) => one.group === name);
  const primary = members.find((one) => one.role === 'primary')!.id;
  const standbys = members.filter((one) => one.role === 'standby').map((one) => one.id);
  return {
    record: {
      name,
      mode: 'semi_synchronous',
      epoch: 1,
      primary,
      leaseReleased: false,
      voterSet: { members: standbys, k: 1 },
      promotable: 'voters',
      onNoStandby: 'degrade',
      failoverWait: 'promise',
      automaticFailover: true,
      automaticFailoverPausedBy: null,
      timeline: 1,
      timelineHistory: [{ epoch: 1, timeline: 1, startLsn: '0/1000000', primary, at: startedAt }],
      operation: null,
      settings: {},
      createdAt: startedAt,
    },
    leaseExpiresInMs: 1700,
    writable: true,
    readable: true,
    degraded: false,
    sentence: `${name} is healthy`,
    dataAtRiskBytes: 0,
  };
}

export function recordedView(revision = 1): ClusterView {
  const at = new Date().toISOString();
  const peers = layout.map(({ id }, index) => ({
    id,
    voter: true,
    matchIndex: 100,
    nextIndex: 101,
    lastContactMs: index === 0 ? null : 40,
    state: 'replicate' as const,
  }));
  return {
    cluster: { clusterId: 'c0ffee00-0000-4000-8000-000000000000', createdAt: startedAt },
    config: {
      clusterName: 'orders',
      replicationFactor: 3,
      minQuorumSize: 3,
      heartbeatIntervalMs: 100,
      electionTimeoutMs: 500,
      leaseMs: 2000,
      autoFailover: true,
      geoReplication: false,
      syncReplication: true,
      drainMs: 5000,
      restartBudgetMs: 1000,
      routerHoldMs: 10_000,
      readMaxLagMs: 1000,
      loadBalancer: { strategy: 'least_connections', weights: {} },
      health: {
        checkIntervalMs: 1000,
        lagWarningBytes: 16_777_216,
        lagCriticalBytes: 268_435_456,
        diskWarningPercent: 85,
      },
    },
    revision,
    at,
    servedBy: 'node-1',
    raft: {
      leader: 'node-1',
      term: 2,
      commitIndex: 100,
      appliedIndex: 100,
      configuration: {
        voters: layout.map(({ id }, index) => ({ id, incarnation: `incarnation-${index}` })),
        learners: [],
      },
      peers,
      hasQuorum: true,
      quorumSize: 3,
    },
    nodes: layout.map((_one, index) => nodeView(index, at)),
    groups: [groupView('alpha'), groupView('beta')],
    links: [
      {
        from: 'node-1',
        to: 'node-2',
        kind: 'replication',
        state: 'streaming',
        mode: 'quorum',
        lagBytes: 1000,
        lagMs: 3,
        bytesPerSecond: 20_000,
        rttUs: null,
      },
    ],
    problems: [],
    sentence: 'Healthy',
    operations: [],
  };
}

/** The same cluster with `count` nodes: many groups of one primary and four standbys. */
export function largeView(count: number, revision = 1): ClusterView {
  const base = recordedView(revision);
  const nodes = Array.from({ length: count }, (_unused, index): NodeView => {
    const template = base.nodes[index % 5 === 0 ? 0 : 1]!;
    const id = `node-${index + 1}`;
    const group = `group-${Math.floor(index / 5) + 1}`;
    return {
      ...template,
      record: { ...template.record, id, group },
      report: { ...template.report!, node: id },
      raftRole: index < 5 ? 'voter' : 'learner',
    };
  });
  const groups = Array.from({ length: Math.ceil(count / 5) }, (_unused, index): GroupView => {
    const alpha = base.groups[0]!;
    return { ...alpha, record: { ...alpha.record, name: `group-${index + 1}`, primary: `node-${index * 5 + 1}` } };
  });
  return { ...base, nodes, groups, links: largeLinks(nodes) };
}

/** Each standby streams, and each node is linked with its group and the five voters, as agents of a large cluster are. */
function largeLinks(nodes: readonly NodeView[]): readonly LinkView[] {
  const [template] = recordedView().links;
  const ids = nodes.map((node) => node.record.id);
  return ids.flatMap((id, index) => {
    const primary = index - (index % 5);
    const streams = ids
      .slice(primary + 1, index === primary ? primary + 5 : 0)
      .map((standby) => ({ ...template!, from: id, to: standby }));
    const peers = new Set([...ids.slice(0, 5), ...ids.slice(primary, primary + 5)]);
    peers.delete(id);
    const links = [...peers].map((peer) => ({
      ...template!,
      from: id,
      to: peer,
      kind: 'interconnect' as const,
      state: 'connected' as const,
      mode: null,
      lagBytes: null,
      lagMs: null,
      bytesPerSecond: null,
      rttUs: 80,
    }));
    return [...streams, ...links];
  });
}
