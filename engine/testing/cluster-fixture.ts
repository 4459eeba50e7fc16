/** Hand-made snapshots for tables: a healthy three-node group that each row spoils in one way. */
import { defaultConfig } from '../cluster/core/default-config';
import type { ClusterConfig, GroupRecord, NodeRecord, NodeReport, PostgresReport } from '../cluster/model';
import type { ClusterSnapshot, GroupSnapshot, NodeSnapshot, PauseSample } from '../operations/core/snapshot';

type NodePatch = {
  readonly record?: Partial<NodeRecord>;
  readonly report?: Partial<Omit<NodeReport, 'postgres'>>;
  readonly postgres?: Partial<PostgresReport>;
  readonly ageMs?: number | null;
};

export type FixtureOptions = {
  readonly nodes?: Readonly<Record<string, NodePatch>>;
  readonly group?: Partial<GroupRecord>;
  readonly config?: Partial<ClusterConfig>;
  readonly leaseRemainingMs?: number | null;
  readonly hasQuorum?: boolean;
  readonly liveVoters?: readonly string[];
  readonly pauses?: readonly PauseSample[];
  readonly self?: string;
};

const ids = ['node-1', 'node-2', 'node-3'];

export function cluster(options: FixtureOptions = {}): ClusterSnapshot {
  const config = { ...defaultConfig, ...options.config };
  const record: GroupRecord = {
    name: 'alpha',
    mode: 'semi_synchronous',
    epoch: 4,
    primary: 'node-1',
    leaseReleased: false,
    voterSet: { members: ['node-2', 'node-3'], k: 1 },
    promotable: 'voters',
    onNoStandby: 'degrade',
    failoverWait: 'promise',
    automaticFailover: true,
    automaticFailoverPausedBy: null,
    timeline: 2,
    timelineHistory: [
      { epoch: 4, timeline: 2, startLsn: '0/2000000', primary: 'node-1', at: '2026-01-01T00:00:00.000Z' },
    ],
    operation: null,
    settings: {},
    createdAt: '2026-01-01T00:00:00.000Z',
    ...options.group,
  };
  const members = ids.map((id) => nodeSnapshot(id, record, options.nodes?.[id] ?? {}));
  const group: GroupSnapshot = {
    record,
    modRevision: 7,
    leaseRemainingMs: options.leaseRemainingMs === undefined ? 1_800 : options.leaseRemainingMs,
    members,
  };
  return {
    atMs: Date.parse('2026-01-02T00:00:00.000Z'),
    self: options.self ?? 'node-3',
    config,
    raft: {
      leader: 'node-3',
      term: 5,
      commitIndex: 1,
      appliedIndex: 1,
      configuration: { voters: ids.map((id) => ({ id, incarnation: id })), learners: [] },
      peers: [],
      hasQuorum: options.hasQuorum ?? true,
      quorumSize: 2,
    },
    nodes: new Map(members.map((member) => [member.record.id, member])),
    groups: new Map([['alpha', group]]),
    operations: [],
    pauses: options.pauses ?? [],
  };
}

function nodeSnapshot(id: string, group: GroupRecord, patch: NodePatch): NodeSnapshot {
  const isPrimary = group.primary === id;
  const record: NodeRecord = {
    id,
    group: 'alpha',
    region: 'us-east',
    host: '127.0.0.1',
    agentPort: 4000,
    postgresPort: 5432,
    incarnation: id,
    wanted: 'running',
    maintenance: false,
    priority: 100,
    createdAt: '2026-01-01T00:00:00.000Z',
    ...patch.record,
  };
  const lsn = '0/3000000';
  const postgres: PostgresReport = {
    state: isPrimary ? 'primary' : 'standby',
    postmasterPid: 1,
    timeline: 2,
    lsn,
    receiveLsn: lsn,
    replayLsn: lsn,
    replayLagMs: 0,
    replayPaused: false,
    walReceiver: isPrimary ? null : { status: 'streaming', fromNode: group.primary },
    senders: isPrimary
      ? ids
          .filter((other) => other !== id)
          .map((other) => ({
            applicationName: other,
            state: 'streaming',
            syncState: 'quorum',
            sentLsn: lsn,
            writeLsn: lsn,
            flushLsn: lsn,
            replayLsn: lsn,
            replyAgeMs: 1,
          }))
      : [],
    synchronousStandbyNames: null,
    connections: 1,
    maxConnections: 100,
    transactionsPerSecond: 1,
    databaseBytes: 1,
    walSinceCheckpointBytes: 1,
    replayBytesPerSecond: null,
    startedAt: null,
    version: '18.4',
    lastExit: null,
    waitingCommits: 0,
    ...patch.postgres,
  };
  const report: NodeReport = {
    node: id,
    incarnation: id,
    sequence: 1,
    at: '2026-01-02T00:00:00.000Z',
    agentPid: 1,
    agentStartedAt: '',
    promisedEpoch: group.epoch,
    lease: isPrimary ? { held: true, epoch: group.epoch, remainingMs: 1_800 } : null,
    guardianPid: 2,
    activity: null,
    troubles: [],
    cpuPercent: 5,
    memoryPercent: 5,
    memoryBytes: 1,
    diskUsedBytes: 10,
    diskTotalBytes: 100,
    loopBlockMs: 1,
    links: [],
    ...patch.report,
    postgres,
  };
  const ageMs = patch.ageMs === undefined ? 100 : patch.ageMs;
  return { record, report: ageMs === null ? null : report, reportAgeMs: ageMs };
}
