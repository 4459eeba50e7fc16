/**
 * The engine's door: every request a console, router or launcher may make of an agent, with its types. One table, so that both ends agree
 * at compile time. `leader` requests may be sent to any agent (it forwards to the control store's leader once); `node` requests are
 * answered by the addressed agent itself.
 */
import type {
  ClusterConfig,
  ClusterView,
  GroupRecord,
  GroupView,
  LinkView,
  NodeRecord,
  NodeView,
} from '../cluster/model';
import type { RowChanges } from '../cluster/view-delta';
import type { KeyValue, RaftLogEntry, RaftStatus, Txn, TxnResult } from '../control/store';
import type { Fault, PeerLinkStatus } from '../interconnect/api';
import type { Reason } from '../kernel/errors';
import type { Epoch, GroupName, NodeId, OperationId } from '../kernel/ids';
import type { LsnText } from '../kernel/lsn';
import type { EngineEvent, HealthQuery, HealthTransition, ResourceSample } from '../monitoring/model';
import type { Operation, OperationRequest } from '../operations/model';
import type { NodeSlots, UnloggedTables } from '../replication/model';
import type { XaRequests } from '../xa/door';

export type Requester = {
  readonly by: string;
  readonly reason: string | null;
  readonly requestId: string | null;
  readonly admin: boolean;
  /** The trace that the request is part of (W3C trace context); what it begins goes on in it. */
  readonly traceparent?: string | null;
};

export type StartOperation = {
  readonly request: OperationRequest;
  readonly requester: Requester;
  readonly planHash: string | null;
  readonly idempotencyKey: string | null;
  /** A plan of what is so now, for a page that shows it: it does not wait for what is just being applied. Absent: it waits. */
  readonly asItIs?: boolean;
};

/** A prepared transaction whose locks a session waits for; `COMMIT PREPARED` or `ROLLBACK PREPARED` with its gid ends it. */
export type PreparedBlocker = {
  readonly gid: string;
  readonly owner: string;
  readonly database: string;
  readonly preparedAt: string;
};

export type SessionInfo = {
  readonly pid: number;
  readonly user: string | null;
  readonly database: string | null;
  readonly applicationName: string | null;
  readonly clientAddress: string | null;
  readonly state: string | null;
  readonly waitEventType: string | null;
  readonly waitEvent: string | null;
  readonly query: string | null;
  readonly startedAt: string | null;
  readonly transactionStartedAt: string | null;
  readonly queryStartedAt: string | null;
  /** 0: a prepared transaction, which has no process. */
  readonly blockedBy: readonly number[];
  /** What the 0 stands for; absent: nothing, or told by an older release. */
  readonly blockedByPrepared?: readonly PreparedBlocker[];
  readonly backendType: string;
};

/** Whether a node's PostgreSQL would start with the settings that were tried. */
export type SettingsVerdict = {
  /** PostgreSQL's own words; null: it would start. */
  readonly refusal: string | null;
  /** What it would ask the system for at its start; null: not known. */
  readonly sharedMemoryBytes: number | null;
  readonly hostMemoryBytes: number;
};

/** The place of a session among those of its node: by start, then by pid. */
export type SessionPosition = { readonly startedAt: string; readonly pid: number };

export type SettingInfo = {
  readonly name: string;
  readonly value: string;
  readonly unit: string | null;
  readonly category: string;
  readonly description: string;
  readonly context: string;
  readonly type: string;
  readonly source: string;
  readonly bootValue: string | null;
  readonly pendingRestart: boolean;
  /** Set for the group by an operator through us. */
  readonly managed: boolean;
};

export type LogLine = {
  readonly at: string;
  readonly level: string;
  readonly pid: number | null;
  readonly message: string;
  readonly sqlState: string | null;
  readonly user: string | null;
  readonly database: string | null;
};

/** Newest last. `next`: where the lines before these begin; null when there are none. */
export type LogPage = { readonly lines: readonly LogLine[]; readonly next: string | null };

/** What PostgreSQL says of its archiver. Fields that an agent of an older version does not tell are absent. */
export type ArchiverStatus = {
  /** archive_mode as the running server has it. */
  readonly mode: string;
  /** What it hands segments to; null: nothing. */
  readonly target?: 'command' | 'library' | null;
  readonly archivedCount?: number;
  readonly lastArchivedWal: string | null;
  readonly lastArchivedAt?: string | null;
  readonly failedCount: number;
  readonly lastFailedWal?: string | null;
  readonly lastFailedAt?: string | null;
  /** Since when it counts. */
  readonly since?: string | null;
  /** Finished segments that wait to be archived. */
  readonly readyFiles?: number;
};

export type WalStatus = {
  readonly currentLsn: LsnText | null;
  readonly timeline: number | null;
  readonly segmentsBytes: number;
  readonly slots: readonly {
    readonly name: string;
    readonly active: boolean;
    readonly restartLsn: LsnText | null;
    readonly retainedBytes: number | null;
    readonly walStatus: string | null;
  }[];
  readonly archiver: ArchiverStatus;
  /** What replay cancelled on a standby, over all databases; absent where an agent of an older version does not tell. */
  readonly conflicts?: {
    readonly tablespace: number;
    readonly lock: number;
    readonly snapshot: number;
    readonly bufferPin: number;
    readonly deadlock: number;
    readonly logicalSlot: number;
    /** The youngest reset of these counters; null: none was ever reset. */
    readonly since: string | null;
  };
};

/** What a router needs to know about one group from the node it asks. The router counts `remainingMs` from the moment it sent the request. */
export type RouteAnswer = {
  readonly group: GroupName;
  readonly node: NodeId;
  readonly epoch: Epoch;
  readonly role: 'primary' | 'standby' | 'none';
  readonly host: string;
  readonly port: number;
  /** Primary: new sessions may be admitted for this long; 0 for anything else. */
  readonly remainingMs: number;
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  readonly connections: number;
  readonly region: string;
  /** The node asks for no new sessions: a planned switchover drains it, or it is in maintenance. */
  readonly draining: boolean;
};

export type RouterStatus = {
  readonly host: string;
  readonly pid: number;
  readonly startedAt: string;
  /** Longest time the router's event loop was blocked since its last status. */
  readonly loopBlockMs?: number;
  readonly services: readonly {
    readonly service: string;
    readonly group: GroupName;
    readonly kind: 'rw' | 'ro';
    readonly host: string;
    readonly port: number;
    readonly strategy: string;
    readonly held: number;
    readonly openSessions: number;
    readonly totalSessions: number;
    readonly refused: number;
    /** Where the next session would go; `node` is null while it would be held. */
    readonly next?: { readonly node: NodeId | null; readonly reason: string };
    readonly endpoints: readonly {
      readonly node: NodeId;
      readonly state: 'active' | 'idle' | 'ejected' | 'lagging' | 'down';
      readonly reason: string | null;
      readonly sessions: number;
      readonly weight: number;
      readonly connectMs: number | null;
    }[];
  }[];
  readonly clients: readonly {
    readonly service: string;
    readonly node: NodeId;
    readonly clientAddress: string;
    readonly user: string | null;
    readonly database: string | null;
    readonly applicationName: string | null;
    readonly since: string;
    readonly bytesIn: number;
    readonly bytesOut: number;
  }[];
};

/** Where things listen; the launcher's registry, kept by the agents so that any console finds it. */
export type RuntimeInfo = {
  /** Nodes that stopped for good on the launcher's host, each with what to do. */
  readonly stopped?: readonly { readonly node: NodeId; readonly sentence: string }[];
  readonly router: {
    readonly host: string;
    readonly pid: number;
    readonly services: readonly {
      readonly service: string;
      readonly group: GroupName;
      readonly kind: 'rw' | 'ro';
      readonly host: string;
      readonly port: number;
    }[];
  } | null;
};

/** What an event tells of an audit entry: never its input or message. */
export type ToldAudit = {
  readonly sequence: number;
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly surface: string;
  readonly requestId: string;
  readonly procedure: string;
  readonly outcome: string;
  readonly code: string | null;
  readonly operationId: string | null;
};

/** Of the heart. */
export type CoreRequests = {
  // ---- answered by the leader (forwarded once by any other agent)
  'view.get': { scope: 'leader'; params: Record<string, never>; result: ClusterView };
  'operation.plan': { scope: 'leader'; params: StartOperation; result: Operation };
  'operation.start': { scope: 'leader'; params: StartOperation; result: Operation };
  'operation.cancel': { scope: 'leader'; params: { id: OperationId; requester: Requester }; result: Operation };
  'operation.get': { scope: 'leader'; params: { id: OperationId }; result: Operation | null };
  /** Newest first. */
  'operation.list': {
    scope: 'leader';
    params: {
      limit: number;
      before: OperationId | null;
      group: GroupName | null;
      kinds: readonly string[] | null;
      states: readonly string[] | null;
    };
    result: {
      operations: readonly Operation[];
      next: OperationId | null;
      /** Nodes that hold operations of this page or after it and do not answer. */
      missing?: readonly NodeId[];
    };
  };
  'config.put': {
    scope: 'leader';
    /** `allowDataLoss`: an admin lets groups become asynchronous. */
    params: { patch: Partial<ClusterConfig>; requester: Requester; allowDataLoss?: boolean };
    result: { config: ClusterConfig; adjusted: readonly string[] };
  };
  'group.put': {
    scope: 'leader';
    params: {
      group: GroupName;
      patch: Partial<
        Pick<GroupRecord, 'automaticFailover' | 'automaticFailoverPausedBy' | 'onNoStandby' | 'failoverWait'>
      >;
      requester: Requester;
    };
    result: GroupRecord;
  };
  'node.put': {
    scope: 'leader';
    params: { node: NodeId; patch: Partial<Pick<NodeRecord, 'priority'>>; requester: Requester };
    result: NodeRecord;
  };
  'raft.transfer': { scope: 'leader'; params: { to: NodeId }; result: { leader: NodeId; term: number } };
  /** Newest first; `before`: nothing younger than this time. */
  'health.history': { scope: 'leader'; params: HealthQuery; result: readonly HealthTransition[] };
  /** Entries of a console's audit log, to be told as events; `leftOut`: how many were not handed over since the last call. */
  'audit.tell': {
    scope: 'leader';
    params: { writer: string; entries: readonly ToldAudit[]; leftOut: number };
    result: Record<string, never>;
  };
  'store.get': { scope: 'leader'; params: { key: string }; result: KeyValue | null };
  'store.list': { scope: 'leader'; params: { prefix: string }; result: readonly KeyValue[] };
  'store.txn': { scope: 'leader'; params: Txn; result: TxnResult };

  // ---- answered by the addressed node
  /** What this node archived while it led, newest first; with an id only that one. */
  'operation.archived': {
    scope: 'node';
    params: CoreRequests['operation.list']['params'] & { id: OperationId | null };
    result: readonly Operation[];
  };
  /** The changes of health that this node keeps, newest first: works without a majority. */
  'health.kept': { scope: 'node'; params: HealthQuery; result: readonly HealthTransition[] };
  /** The local replica's records: works without a majority. */
  'store.localList': {
    scope: 'node';
    params: { prefix: string };
    result: { entries: readonly KeyValue[]; ageMs: number };
  };
  'view.local': { scope: 'node'; params: Record<string, never>; result: ClusterView };
  'raft.status': { scope: 'node'; params: Record<string, never>; result: RaftStatus };
  /** Newest first; `before`: only entries below this index. */
  'raft.log': {
    scope: 'node';
    params: { limit: number; before?: number | null };
    result: readonly RaftLogEntry[];
  };
  /** Oldest first, at most 1,000 unless `limit` says so. */
  'node.sessions': {
    scope: 'node';
    params: { limit?: number; after?: SessionPosition | null };
    result: readonly SessionInfo[];
  };
  'node.session.end': {
    scope: 'node';
    params: { pid: number; mode: 'cancel' | 'terminate'; requester?: Requester };
    result: { ended: boolean; reasons: readonly Reason[] };
  };
  'node.logs': {
    scope: 'node';
    /** `from`: the `next` of the page before. */
    params: { limit: number; level: string | null; contains: string | null; from?: string | null };
    result: LogPage;
  };
  'node.settings': { scope: 'node'; params: Record<string, never>; result: readonly SettingInfo[] };
  'node.resources': { scope: 'node'; params: { minutes: number }; result: readonly ResourceSample[] };
  'node.wal': { scope: 'node'; params: Record<string, never>; result: WalStatus };
  /** Whether the node's PostgreSQL would start with these settings; asked by plans. Changes nothing. */
  'node.settings.check': {
    scope: 'node';
    params: { settings: Readonly<Record<string, string | null>> };
    result: SettingsVerdict;
  };
  /** Asked by plans that change the primary; an agent of an earlier release doesn't know it. */
  'node.unlogged': { scope: 'node'; params: Record<string, never>; result: readonly UnloggedTables[] };
  'node.slots': { scope: 'node'; params: Record<string, never>; result: NodeSlots };
  'node.wal.switch': { scope: 'node'; params: { requester?: Requester }; result: { lsn: LsnText } };
  'node.replay': {
    scope: 'node';
    params: { paused: boolean; requester?: Requester };
    result: { paused: boolean };
  };
  'node.links': { scope: 'node'; params: Record<string, never>; result: readonly PeerLinkStatus[] };
  'node.faults': { scope: 'node'; params: Record<string, never>; result: readonly Fault[] };
  /** Fault injection; refused unless rehearsal was enabled in the start configuration. */
  'node.faults.set': {
    scope: 'node';
    params: { faults: readonly Fault[]; requester: Requester };
    result: readonly Fault[];
  };
  'node.route': { scope: 'node'; params: { group: GroupName }; result: RouteAnswer };
  'runtime.put': { scope: 'node'; params: RuntimeInfo; result: Record<string, never> };
  'runtime.get': { scope: 'node'; params: Record<string, never>; result: RuntimeInfo };
  'router.status': { scope: 'node'; params: RouterStatus; result: Record<string, never> };
  'router.get': { scope: 'node'; params: Record<string, never>; result: RouterStatus | null };
};

/** Of the heart and of every area; each area answers its own (engine/node/area.ts). */
export type EngineRequests = CoreRequests & XaRequests;

export type EngineMethod = keyof EngineRequests;
export type EngineParams<M extends EngineMethod> = EngineRequests[M]['params'];
export type EngineResult<M extends EngineMethod> = EngineRequests[M]['result'];

/** Streams over the same connection. */
export type EngineStreams = {
  /** First item: the whole view; then what changed, at most every 250 ms. */
  'view.stream': { params: Record<string, never>; item: ViewItem };
  /** Events after `after` that are still buffered, then live ones; a gap is told, never silent. */
  'event.stream': {
    params: { after: string | null };
    item: { kind: 'event'; event: EngineEvent } | { kind: 'gap'; from: string; to: string };
  };
  /** Routes changed: ask `node.route` again now. */
  'route.stream': { params: Record<string, never>; item: { group: GroupName; node: NodeId; epoch: Epoch } };
};

export type ViewItem =
  | { readonly kind: 'full'; readonly view: ClusterView }
  | {
      readonly kind: 'patch';
      readonly revision: number;
      readonly at: string;
      readonly nodes?: RowChanges<NodeView>;
      readonly groups?: RowChanges<GroupView>;
      readonly links?: RowChanges<LinkView>;
      /** Whole sections. */
      readonly rest?: Partial<Omit<ClusterView, 'nodes' | 'groups' | 'links' | 'revision' | 'at'>>;
    };
