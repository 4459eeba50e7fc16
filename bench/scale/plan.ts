/** What a simulated cluster of N nodes looks like: three control stores, groups of three, records and reports of the real shape. */
import type { GroupRecord, NodeRecord, NodeReport } from '../../engine/cluster/model';
import { formatLsn } from '../../engine/kernel/lsn';

export const clusterId = 'scale';
export const secret = 'scale-benchmark-secret-0123456789';
const groupSize = 3;
const regions = ['us-east', 'us-west', 'eu-west', 'ap-south'] as const;

export type StoreAddress = { readonly id: string; readonly port: number };

export function nodeId(index: number): string {
  return `node-${index + 1}`;
}

export function groupOf(index: number): string {
  return `g${String(Math.floor(index / groupSize) + 1).padStart(4, '0')}`;
}

export function isPrimary(index: number): boolean {
  return index % groupSize === 0;
}

function members(index: number, nodes: number): readonly number[] {
  const first = Math.floor(index / groupSize) * groupSize;
  return [first, first + 1, first + 2].filter((one) => one < nodes);
}

export function nodeRecord(index: number): NodeRecord {
  return {
    id: nodeId(index),
    group: groupOf(index),
    region: regions[index % regions.length] as string,
    host: '127.0.0.1',
    agentPort: 20_000 + index,
    postgresPort: 30_000 + index,
    incarnation: `life-${index}`,
    wanted: 'running',
    maintenance: false,
    priority: 100,
    createdAt: new Date(0).toISOString(),
  };
}

export function groupRecord(first: number, nodes: number): GroupRecord {
  const standbys = members(first, nodes).filter((index) => !isPrimary(index));
  return {
    name: groupOf(first),
    mode: 'semi_synchronous',
    epoch: 1,
    primary: nodeId(first),
    leaseReleased: false,
    voterSet: { members: standbys.map(nodeId), k: 1 },
    promotable: standbys.length > 0 ? 'voters' : 'none',
    onNoStandby: 'degrade',
    failoverWait: 'promise',
    automaticFailover: true,
    automaticFailoverPausedBy: null,
    timeline: 1,
    timelineHistory: [],
    operation: null,
    settings: {},
    createdAt: new Date(0).toISOString(),
    systemIdentifier: null,
  };
}

export type ReportInput = {
  readonly index: number;
  readonly nodes: number;
  readonly sequence: number;
  readonly walBytes: number;
  readonly startedAt: string;
};

/** As an agent would send it; links to the members of its group and to the control stores. */
export function report({ index, nodes, sequence, walBytes, startedAt }: ReportInput): NodeReport {
  const primary = isPrimary(index);
  const lsn = formatLsn(BigInt(walBytes));
  const own = members(index, nodes);
  const peers = own.filter((one) => one !== index).map(nodeId);
  return {
    node: nodeId(index),
    incarnation: `life-${index}`,
    sequence,
    at: new Date().toISOString(),
    agentPid: 10_000 + index,
    agentStartedAt: startedAt,
    promisedEpoch: 1,
    lease: primary ? { held: true, epoch: 1, remainingMs: 1_700 } : null,
    postgres: {
      state: primary ? 'primary' : 'standby',
      postmasterPid: 20_000 + index,
      timeline: 1,
      lsn,
      receiveLsn: primary ? null : lsn,
      replayLsn: primary ? null : lsn,
      replayLagMs: primary ? null : 0,
      replayPaused: false,
      walReceiver: primary ? null : { status: 'streaming', fromNode: nodeId(own[0] as number) },
      senders: primary
        ? peers.map((peer) => ({
            applicationName: peer,
            state: 'streaming',
            syncState: 'quorum',
            sentLsn: lsn,
            writeLsn: lsn,
            flushLsn: lsn,
            replayLsn: lsn,
            replyAgeMs: 3,
          }))
        : [],
      synchronousStandbyNames: primary ? `ANY 1 (${peers.map((peer) => `"${peer}"`).join(',')})` : null,
      connections: 12,
      maxConnections: 200,
      transactionsPerSecond: 120 + (sequence % 7),
      databaseBytes: 31_457_280,
      walSinceCheckpointBytes: 1_048_576,
      replayBytesPerSecond: 200_000_000,
      startedAt,
      version: '18.4',
      lastExit: null,
      waitingCommits: 0,
    },
    guardianPid: 15_000 + index,
    activity: null,
    troubles: [],
    cpuPercent: 3 + (sequence % 5),
    memoryPercent: 20,
    memoryBytes: 120_000_000,
    diskUsedBytes: 10_000_000_000,
    diskTotalBytes: 100_000_000_000,
    loopBlockMs: 2,
    links: peers.map((peer) => ({ peer, connected: true, rttUs: 90, lastHeardMs: 40, phi: 0.1 })),
  };
}
