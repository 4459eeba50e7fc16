/**
 * Control-state records (what stands in the control store) and the live view made from them and from the agents' reports.
 * Records are small JSON; whatever changes many times a second (LSNs, loads) is in reports only.
 */
import type { RaftConfiguration, RaftPeerStatus } from '../control/store';
import type { Epoch, GroupName, Incarnation, NodeId, OperationId } from '../kernel/ids';
import type { LsnText } from '../kernel/lsn';
import type { Operation } from '../operations/model';
import type { SlotReport } from '../replication/model';
import type { ParameterReport } from './core/standby-parameters';

// ---------------------------------------------------------------- keys
export const keys = {
  cluster: 'cluster',
  config: 'config',
  level: 'level',
  node: (id: NodeId) => `nodes/${id}`,
  nodes: 'nodes/',
  group: (name: GroupName) => `groups/${name}`,
  groups: 'groups/',
  operation: (id: OperationId) => `operations/${id}`,
  operations: 'operations/',
  /** Which node holds operations that the store no longer does, and of which time. */
  operationArchive: (node: NodeId) => `operation-archives/${node}`,
  operationArchives: 'operation-archives/',
  idempotency: (key: string) => `idempotency/${key}`,
  /** Of calls that are no operations; kept by the console servers. */
  idempotentCalls: 'idempotent-calls/',
  user: (id: string) => `users/${id}`,
  users: 'users/',
  apiKey: (id: string) => `api-keys/${id}`,
  apiKeys: 'api-keys/',
  /** Kept by the console servers; the engine does not look into them. */
  sessions: 'sessions/',
  endedSessions: 'ended-sessions/',
  lastUsed: 'last-used/',
  lockouts: 'lockouts/',
  invitations: 'invitations/',
  approvals: 'approvals/',
  accessPolicy: 'access-policy/',
  auditAnchors: 'audit-anchors/',
} as const;

// ---------------------------------------------------------------- records
export type CommitMode = 'synchronous' | 'semi_synchronous' | 'asynchronous';

export type ClusterRecord = { readonly clusterId: string; readonly createdAt: string };

/** What all members may do together (engine/kernel/release.ts); absent: the first level. It only rises. */
export type LevelRecord = {
  readonly level: number;
  /** The next one: every agent makes its directory refuse older releases before it comes into force. */
  readonly sealing: number | null;
  /** That raised it. */
  readonly release: string;
  readonly at: string;
  /** An operator wants to be able to go back: it does not rise. */
  readonly hold: { readonly by: string; readonly at: string } | null;
};

/** All times in ms; ranges and dependants as in the config procedure. */
export type ClusterConfig = {
  readonly clusterName: string;
  readonly replicationFactor: number;
  readonly minQuorumSize: number;
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly leaseMs: number;
  readonly autoFailover: boolean;
  readonly geoReplication: boolean;
  readonly syncReplication: boolean;
  /** Sessions get this long to end at a planned switchover. */
  readonly drainMs: number;
  readonly restartBudgetMs: number;
  /** The router holds new connections this long while a group has no primary. */
  readonly routerHoldMs: number;
  readonly readMaxLagMs: number;
  readonly loadBalancer: {
    readonly strategy: 'round_robin' | 'least_connections' | 'weighted' | 'latency' | 'region_aware';
    readonly weights: Readonly<Record<NodeId, number>>;
  };
  readonly health: {
    readonly checkIntervalMs: number;
    readonly lagWarningBytes: number;
    readonly lagCriticalBytes: number;
    readonly diskWarningPercent: number;
  };
};

export type NodeRecord = {
  readonly id: NodeId;
  readonly group: GroupName;
  readonly region: string;
  /** Host and interconnect port; the agent's own registration. */
  readonly host: string;
  readonly agentPort: number;
  readonly postgresPort: number;
  /** Where the agent answers load balancers; absent or null: it is of a release that does not. */
  readonly probePort?: number | null;
  readonly incarnation: Incarnation;
  /** What the operator wants; a node stopped by hand stays stopped over restarts. */
  readonly wanted: 'running' | 'stopped';
  readonly maintenance: boolean;
  /** Higher is preferred among equally advanced candidates. 0 = never promote automatically. Default 100. */
  readonly priority: number;
  readonly createdAt: string;
};

/**
 * Who may serve in a group and on what terms. Changed only by compare-and-swap on this one key, so every transition is atomic.
 * Protocol: engine/cluster/SPEC.md.
 */
export type GroupRecord = {
  readonly name: GroupName;
  /** Whose rules hold for commits and promotions. */
  readonly mode: CommitMode;
  /** The mode that was asked for: the holder brings the group there and only then writes it as `mode`. Absent or null: `mode`. */
  readonly wantedMode?: CommitMode | null;
  readonly epoch: Epoch;
  /** The node that this epoch's lease was granted to; null only before the first start. */
  readonly primary: NodeId | null;
  /** True: the holder gave the lease back (planned stop, all its processes are dead); it is grantable at once. */
  readonly leaseReleased: boolean;
  /**
   * How long the lease of the present epoch lasts: it belongs to the grant, and only its holder changes it (longer: here first, then used; shorter:
   * used first, here once nothing older can still count). Whoever counts a lease takes the longer of this and the configured one. Absent: granted by
   * a version that knew only the configured one.
   */
  readonly leaseMs?: number;
  /** S: the standbys whose acknowledgement counts, and k: how many of them must answer (`k` = |S| for synchronous). */
  readonly voterSet: { readonly members: readonly NodeId[]; readonly k: number };
  /** `none`: the group degraded openly; no automatic promotion, only restart in place. */
  readonly promotable: 'voters' | 'none';
  readonly onNoStandby: 'degrade' | 'wait';
  readonly failoverWait: 'promise' | 'lease';
  readonly automaticFailover: boolean;
  readonly automaticFailoverPausedBy: string | null;
  /** Where the current epoch's timeline began: the promotion's LSN; a member past it on the older timeline has diverged. */
  readonly timeline: number;
  readonly timelineHistory: readonly {
    readonly epoch: Epoch;
    readonly timeline: number;
    readonly startLsn: LsnText;
    readonly primary: NodeId;
    readonly at: string;
    /** The timeline it branched from; absent: the one before it. */
    readonly parent?: number;
  }[];
  /** The availability operation that currently owns the group, if any (one at a time). */
  readonly operation: OperationId | null;
  /** PostgreSQL settings set by an operator, applied by ALTER SYSTEM on every member. */
  readonly settings: Readonly<Record<string, string>>;
  /** The standbys that an operator allows to become voters; absent or null: all. */
  readonly allowedVoters?: readonly NodeId[] | null;
  readonly createdAt: string;
  /** PostgreSQL's identity of the group's data, set after its first initdb; a data directory with another one is foreign. */
  readonly systemIdentifier?: string | null;
};

// ---------------------------------------------------------------- reports (agent → controller, every heartbeat)
export type PostgresState =
  | 'absent'
  | 'stopped'
  | 'starting'
  | 'recovering'
  | 'primary'
  | 'standby'
  | 'stopping'
  | 'crashed';

/** A member's walsender: by login role, slot and name. */
export type ReplicationSender = {
  /** The member. */
  readonly applicationName: NodeId;
  /** What it calls itself; PostgreSQL compares that with its list of synchronous standbys. Absent: the member's name. */
  readonly name?: string;
  readonly state: string;
  readonly syncState: string;
  readonly sentLsn: LsnText | null;
  readonly writeLsn: LsnText | null;
  readonly flushLsn: LsnText | null;
  readonly replayLsn: LsnText | null;
  readonly replyAgeMs: number | null;
  /** Time stamp of the last reply by the standby's clock, seconds since 1970; only good for telling whether it replied again. */
  readonly repliedAt?: number | null;
  /** WAL sent in a second, over the last second or two; null: not known yet. */
  readonly bytesPerSecond?: number | null;
};

/** Who streams from a server and is no member: a consumer, a copy under way, somebody else's standby. */
export type OtherSender = Omit<ReplicationSender, 'applicationName' | 'name'> & {
  readonly name: string;
  readonly user: string | null;
  readonly pid: number;
  /** PostgreSQL takes its word for an acknowledgement. */
  readonly counts: boolean;
};

/** Of a server that replays before it takes connections. */
export type RecoveryProgress = {
  /** Start of the WAL segment that it replays. */
  readonly replayedLsn: LsnText;
  /** What it must at least reach; null: not known before it is there. */
  readonly untilLsn: LsnText | null;
  readonly doneBytes: number;
  readonly restBytes: number | null;
  /** Null: too little seen. */
  readonly bytesPerSecond: number | null;
};

/** What somebody wrote into a configuration file past the engine. */
export type SettingByHand = {
  /** Null: of a line that PostgreSQL can't read. */
  readonly name: string | null;
  readonly value: string | null;
  readonly file: string | null;
  readonly line: number | null;
  /** Why PostgreSQL does not take it; null: it would. */
  readonly error: string | null;
  /** The server was started before the engine kept it off, and runs with it. */
  readonly inForce: boolean;
};

export type LockHolder = {
  /** Null: a prepared transaction, which no session holds. */
  readonly pid: number | null;
  /** Its identifier; absent or null: a session. */
  readonly prepared?: string | null;
  readonly locks: number;
  /** Null: not known. */
  readonly user: string | null;
  readonly database: string | null;
  readonly applicationName: string | null;
};

/** `no-new-sessions`: the agent's sign-ins, tried as an application's, fail. `no-answer`: its own session is not answered. */
export type ServiceTrouble = {
  readonly kind: 'no-new-sessions' | 'no-answer';
  readonly since: string;
  /** In PostgreSQL's words. */
  readonly error: string;
  readonly sqlState: string | null;
  /** Connections that have not signed in. */
  readonly strangers: number;
  /** Those that hold most locks, where the lock table is full. */
  readonly lockHolders: readonly LockHolder[];
};

/** Prepared transactions: they hold their locks, and vacuum and WAL back, until somebody ends them by name. */
export type PreparedReport = {
  readonly count: number;
  readonly most: number;
  /** Of the oldest, by the server's own clock. */
  readonly oldestSeconds: number | null;
  readonly oldestGid: string | null;
  readonly oldestDatabase: string | null;
};

export type PostgresReport = {
  readonly state: PostgresState;
  readonly postmasterPid: number | null;
  readonly timeline: number | null;
  /** Primary: pg_current_wal_lsn (written); standby: greatest(receive, replay). */
  readonly lsn: LsnText | null;
  readonly receiveLsn: LsnText | null;
  readonly replayLsn: LsnText | null;
  /** Standby: ms since the last replayed commit while behind, 0 when caught up. */
  readonly replayLagMs: number | null;
  readonly replayPaused: boolean;
  readonly walReceiver: {
    readonly status: string;
    readonly fromNode: NodeId | null;
    /** How far the primary had flushed when it was last heard; absent or null: not known. */
    readonly primaryLsn?: LsnText | null;
  } | null;
  readonly senders: readonly ReplicationSender[];
  /** Absent: not told. */
  readonly otherSenders?: readonly OtherSender[];
  readonly synchronousStandbyNames: string | null;
  /** By the configuration files; null: not known. */
  readonly synchronousCommit?: string | null;
  /** Roles and databases with a lower synchronous_commit: their commits are not acknowledged by a standby. */
  readonly lowerCommits?: readonly string[];
  /** Absent or null: not told. */
  readonly prepared?: PreparedReport | null;
  /** Settings of the engine's own logins that the engine did not make, each as `role […]: name=value`; absent: not told. */
  readonly engineRoleSettings?: readonly string[];
  /** Settings that the engine needs otherwise, and lines that PostgreSQL can't read; absent: not told. */
  readonly settingsByHand?: readonly SettingByHand[];
  /** Standby: whether it has the source that its agent gave it last; null: not known. */
  readonly sourceAsSet?: boolean | null;
  readonly connections: number;
  readonly maxConnections: number;
  readonly transactionsPerSecond: number;
  readonly databaseBytes: number | null;
  readonly walSinceCheckpointBytes: number | null;
  readonly replayBytesPerSecond: number | null;
  /** Absent or null: it takes connections, does not run, or nothing can be told. */
  readonly recovery?: RecoveryProgress | null;
  readonly startedAt: string | null;
  readonly version: string | null;
  readonly lastExit: {
    readonly at: string;
    readonly signal: string | null;
    readonly code: number | null;
    readonly expected: boolean;
  } | null;
  /** archive_mode as the running server has it; absent or null: not known. */
  readonly archiveMode?: string | null;
  /** The settings that a standby must not have lower than the primary; absent or null: not known. */
  readonly parameters?: ParameterReport | null;
  /** A setting waits for a restart; absent or null: not known. */
  readonly pendingRestart?: boolean | null;
  /** Most WAL that any one replication slot keeps, and how many slots have lost theirs; absent or null: not known. */
  readonly slotRetainedBytes?: number | null;
  readonly slotsLost?: number | null;
  /** At most 64, those that keep most first; absent or null: not known. */
  readonly slots?: readonly SlotReport[] | null;
  /** max_slot_wal_keep_size; null: no limit, or not known. */
  readonly slotWalKeepBytes?: number | null;
  /** Commits that wait for a standby right now (SyncRep). */
  readonly waitingCommits: number;
  /** It runs and does not serve as it should; absent or null: not seen. */
  readonly serviceTrouble?: ServiceTrouble | null;
  /** What is wrong with its log right now; absent or null: nothing. */
  readonly logTrouble?: string | null;
};

export type NodeReport = {
  readonly node: NodeId;
  readonly incarnation: Incarnation;
  /** Counts up by one per report of this agent process. */
  readonly sequence: number;
  readonly at: string;
  readonly agentPid: number;
  readonly agentStartedAt: string;
  /** Of the agent's program; absent: before they were told. */
  readonly release?: string;
  readonly level?: number;
  /** Releases below this level refuse to start on the node's directory. */
  readonly sealedLevel?: number;
  /** Consoles, routers and launchers that are connected to this agent, each kind and release once. */
  readonly clients?: readonly { readonly kind: string; readonly release?: string; readonly level?: number }[];
  /** Of this node's PostgreSQL; shown to admins. */
  readonly dataDirectory?: string;
  readonly promisedEpoch: Epoch;
  readonly lease: { readonly held: boolean; readonly epoch: Epoch; readonly remainingMs: number } | null;
  readonly postgres: PostgresReport;
  /** Standby: failover slots of users, or ready copies of them, that the present primary does not have; absent: not told. */
  readonly slotsKept?: readonly string[];
  /** Files that another member of its host would write as well, in a sentence; absent or null: none, or an agent that does not look. */
  readonly sharedFiles?: string | null;
  readonly guardianPid: number | null;
  /** A guardian may be of an earlier release than its agent; absent or null: not known. */
  readonly guardianVersion?: number | null;
  /** What the agent's reconcile loop is doing, one human sentence; null when settled. */
  readonly activity: string | null;
  /** Why this node can't serve or follow right now, with remedy; empty when fine. */
  readonly troubles: readonly string[];
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly memoryBytes: number;
  readonly diskUsedBytes: number;
  readonly diskTotalBytes: number;
  /** If the disk fills as in the last hour; absent or null: not known, or not within a year. */
  readonly diskFullInMs?: number | null;
  readonly loopBlockMs: number;
  /** The longest block of each second since the agent started: how many up to each bound of `stallBoundsMs`, the last of them beyond all. */
  readonly stalls?: { readonly counts: readonly number[]; readonly sumMs: number };
  readonly links: readonly {
    readonly peer: NodeId;
    readonly connected: boolean;
    readonly rttUs: number | null;
    readonly lastHeardMs: number | null;
    readonly phi: number | null;
  }[];
};

// ---------------------------------------------------------------- view (controller → everyone who looks)
export type NodeStatus = 'healthy' | 'degraded' | 'unhealthy' | 'initializing' | 'stopped' | 'maintenance';

/** One problem, one sentence; the machine part names rule, measure and limit. */
export type Problem = {
  readonly rule: string;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly node: NodeId | null;
  readonly group: GroupName | null;
  readonly sentence: string;
  readonly since: string;
  readonly remedy: string;
};

export type NodeView = {
  readonly record: NodeRecord;
  readonly role: 'primary' | 'standby';
  readonly status: NodeStatus;
  readonly statusReason: string;
  /** The last report and how long ago it came (leader's clock); null: never heard. */
  readonly report: NodeReport | null;
  readonly reportAgeMs: number | null;
  readonly raftRole: 'leader' | 'voter' | 'learner' | 'none';
};

export type GroupView = {
  readonly record: GroupRecord;
  readonly leaseExpiresInMs: number | null;
  readonly writable: boolean;
  readonly readable: boolean;
  readonly degraded: boolean;
  readonly sentence: string;
  /** Bytes of WAL that exist only on the primary: what a loss of it alone would cost under the present mode. */
  readonly dataAtRiskBytes: number | null;
};

export type LinkView = {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly kind: 'replication' | 'interconnect';
  readonly state: string;
  readonly mode: 'sync' | 'async' | 'quorum' | 'potential' | null;
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  readonly bytesPerSecond: number | null;
  readonly rttUs: number | null;
};

export type RaftView = {
  readonly leader: NodeId | null;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly configuration: RaftConfiguration;
  readonly peers: readonly RaftPeerStatus[];
  readonly hasQuorum: boolean;
  readonly quorumSize: number;
};

export type ClusterView = {
  readonly cluster: ClusterRecord;
  readonly config: ClusterConfig;
  /** Counts up with every change; equal revision = equal content but for ages. */
  readonly revision: number;
  readonly at: string;
  readonly servedBy: NodeId;
  readonly raft: RaftView;
  readonly nodes: readonly NodeView[];
  readonly groups: readonly GroupView[];
  readonly links: readonly LinkView[];
  readonly problems: readonly Problem[];
  /** The verdict: one human sentence. */
  readonly sentence: string;
  readonly operations: readonly Operation[];
};
