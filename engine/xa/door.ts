/** What consoles ask of the area, and its records. Times are ISO 8601. */
import type { GroupName, NodeId } from '../kernel/ids';
import type { Requester } from '../runtime/engine-api';

export type TransactionState =
  | 'active'
  | 'idle'
  | 'rollback_only'
  | 'preparing'
  | 'prepared'
  | 'deciding'
  | 'committing'
  | 'rolling_back'
  | 'committed'
  | 'rolled_back'
  | 'heuristic';

/** `read_only`: it changed nothing and was ended at prepare; it needs no second phase. `unknown`: its resource manager doesn't answer. */
export type BranchState = 'active' | 'idle' | 'prepared' | 'committed' | 'rolled_back' | 'read_only' | 'unknown';

export type ManagerKind = 'group' | 'postgresql' | 'mariadb';
export type BranchMode = 'managed' | 'application';

export type BranchView = {
  readonly resourceManager: string;
  readonly kind: ManagerKind;
  readonly mode: BranchMode;
  readonly state: BranchState;
  /** Under which it is prepared: a gid of PostgreSQL, or `gtrid,bqual,formatID` as MariaDB reads it after XA. */
  readonly identifier: string;
  /** What an application's own session runs, in order; its own statements stand in place of `…`. Empty for managed branches. */
  readonly prepareWith: readonly string[];
  readonly statements: number;
  readonly error: string | null;
  readonly preparedAt: string | null;
  readonly endedAt: string | null;
};

export type XaTransaction = {
  /** As callers name it: `formatID:gtrid:bqual`, or what they gave. */
  readonly xid: string;
  readonly id: string;
  readonly state: TransactionState;
  readonly coordinator: { readonly group: GroupName; readonly node: NodeId };
  readonly decision: 'commit' | 'abort' | null;
  readonly decidedAt: string | null;
  readonly branches: readonly BranchView[];
  readonly startedAt: string;
  readonly startedBy: string;
  readonly endedAt: string | null;
  /** Until then it must be decided; null once it is. */
  readonly deadlineAt: string | null;
  /** Why it rolls back, or what is waited for; null: nothing to say. */
  readonly reason: string | null;
  readonly warnings: readonly string[];
};

export type StatementResult = {
  readonly resourceManager: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly rowCount: number | null;
  /** There were more rows than asked for. */
  readonly truncated: boolean;
};

export type Statement = {
  readonly resourceManager: string;
  readonly statement: string;
  readonly parameters: readonly (string | number | boolean | null)[];
  readonly maxRows: number;
};

export type ManagerHealth = {
  readonly state: 'up' | 'down' | 'unknown';
  /** Why it is down, in the server's own words where it has some. */
  readonly sentence: string | null;
  readonly checkedAt: string | null;
  readonly version: string | null;
  readonly roundTripMs: number | null;
  /** Prepared transactions that it may hold; null: not known. 0: it can't take part. */
  readonly maxPrepared: number | null;
};

export type ManagerView = {
  readonly name: string;
  readonly kind: ManagerKind;
  readonly host: string | null;
  readonly port: number | null;
  readonly database: string | null;
  readonly user: string | null;
  readonly tls: 'off' | 'verify-ca' | 'verify-full';
  readonly registeredAt: string | null;
  readonly registeredBy: string | null;
  readonly health: ManagerHealth;
  /** Branches of undecided or unfinished transactions. */
  readonly openBranches: number;
};

export type ManagerRegistration = {
  readonly name: string;
  readonly kind: 'postgresql' | 'mariadb';
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly tls: 'off' | 'verify-ca' | 'verify-full';
  /** PEM of the authority; null: those that Node.js trusts. */
  readonly certificateAuthority: string | null;
};

/** What follows for one prepared transaction, by itself. */
export type Verdict = 'commit' | 'abort' | 'undecided' | 'foreign' | 'unknown';

/** One prepared transaction on one server. */
export type PreparedTransaction = {
  /** Node of this cluster, or null for a resource manager outside. */
  readonly node: NodeId | null;
  readonly resourceManager: string;
  readonly identifier: string;
  readonly owner: string | null;
  readonly database: string | null;
  /** Null: the server doesn't tell (MariaDB). */
  readonly preparedAt: string | null;
  readonly ageMs: number | null;
  readonly ours: { readonly id: string; readonly coordinator: GroupName | null; readonly branch: number } | null;
  readonly locks: number | null;
  /** Sessions that wait for its locks. */
  readonly waitingPids: readonly number[];
  /** How far it holds back vacuum, in transactions; null: not known. */
  readonly horizonTransactions: number | null;
  /** WAL written since it was prepared that a restart must read because of it; null: not known. */
  readonly walBytes: number | null;
};

export type Decision = {
  readonly id: string;
  /** `active`: undecided, in the coordinator's memory. `unknown`: older than what is kept. */
  readonly decision: 'commit' | 'abort' | 'active' | 'unknown';
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
  readonly xid: string | null;
};

export type XaStats = {
  readonly since: string;
  readonly started: number;
  readonly committed: number;
  readonly rolledBack: number;
  readonly onePhase: number;
  readonly heuristic: number;
  readonly timedOut: number;
  readonly resolvedByJanitor: number;
  readonly active: number;
  readonly prepared: number;
  /** Decided, not all branches told. */
  readonly unfinished: number;
  /** Over the last 4,096 of each; null: none yet. Milliseconds. */
  readonly latencies: Readonly<
    Record<
      'prepare' | 'decide' | 'commit' | 'total',
      { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number } | null
    >
  >;
};

/** Asked of the primary of the coordinator group, except where it says otherwise. */
export type XaRequests = {
  'xa.start': {
    scope: 'node';
    params: {
      readonly xid: string | null;
      readonly branches: readonly { readonly resourceManager: string; readonly mode: BranchMode }[];
      readonly timeoutMs: number;
      /** Run in order at once, those of different resource managers at the same time. */
      readonly work: readonly Statement[];
      /** End it and commit it in the same call. */
      readonly commit: boolean;
      readonly requester: Requester;
    };
    result: { readonly transaction: XaTransaction; readonly results: readonly StatementResult[] };
  };
  'xa.execute': {
    scope: 'node';
    params: { readonly xid: string; readonly work: readonly Statement[]; readonly requester: Requester };
    result: { readonly transaction: XaTransaction; readonly results: readonly StatementResult[] };
  };
  'xa.end': {
    scope: 'node';
    params: {
      readonly xid: string;
      readonly flag: 'success' | 'fail' | 'suspend' | 'join' | 'resume';
      readonly requester: Requester;
    };
    result: XaTransaction;
  };
  'xa.prepare': {
    scope: 'node';
    params: { readonly xid: string; readonly requester: Requester };
    result: XaTransaction;
  };
  'xa.commit': {
    scope: 'node';
    params: { readonly xid: string; readonly onePhase: boolean; readonly requester: Requester };
    result: XaTransaction;
  };
  'xa.rollback': {
    scope: 'node';
    params: { readonly xid: string; readonly requester: Requester };
    result: XaTransaction;
  };
  'xa.forget': {
    scope: 'node';
    params: { readonly xid: string; readonly requester: Requester };
    result: XaTransaction;
  };
  /** Null: nobody knows it; by presumed abort it was rolled back, if it ever was. */
  'xa.get': { scope: 'node'; params: { readonly xid: string }; result: XaTransaction | null };
  /** Undecided and unfinished ones, oldest first; with `ended` also those that ended, newest first after them. */
  'xa.list': {
    scope: 'node';
    params: { readonly limit: number; readonly ended: boolean };
    result: readonly XaTransaction[];
  };
  /** For a page: nothing may be done because of it. `preparedAt`: of a branch of each, where it is known. */
  'xa.decisions': {
    scope: 'node';
    params: { readonly ids: readonly string[]; readonly preparedAt?: Readonly<Record<string, string | null>> };
    result: readonly Decision[];
  };
  'xa.stats': { scope: 'node'; params: Record<string, never>; result: XaStats };
  'xa.managers': { scope: 'node'; params: Record<string, never>; result: readonly ManagerView[] };
  'xa.manager.register': {
    scope: 'node';
    params: { readonly registration: ManagerRegistration; readonly dryRun: boolean; readonly requester: Requester };
    result: ManagerView;
  };
  'xa.manager.remove': {
    scope: 'node';
    /** `force`: it is gone for good: what it holds is given up, and each transaction that is decided ends as heuristic. An administrator's act. */
    params: { readonly name: string; readonly force: boolean; readonly requester: Requester };
    result: { readonly removed: boolean; readonly givenUp: readonly string[] };
  };
  /** Of resource managers outside the cluster; those that don't answer are named. */
  'xa.prepared.outside': {
    scope: 'node';
    params: Record<string, never>;
    result: { readonly prepared: readonly PreparedTransaction[]; readonly missing: readonly string[] };
  };
  /** Asked of any node: what its own PostgreSQL holds. */
  'xa.prepared': {
    scope: 'node';
    params: { readonly limit: number };
    result: { readonly prepared: readonly PreparedTransaction[]; readonly total: number };
  };
  /**
   * Asked of the coordinator: ends the branch that this resource manager holds as told, whatever was decided. An administrator's act. Without the branch
   * NOT_FOUND; a foreign one is refused, and one whose transaction is open (CONFLICT). `resourceManager` null: the coordinator's own group.
   */
  'xa.branch.end': {
    scope: 'node';
    params: {
      readonly identifier: string;
      readonly resourceManager: string | null;
      readonly outcome: 'commit' | 'rollback';
      readonly requester: Requester;
    };
    result: { readonly decision: Decision };
  };
};
