/** Distributed transactions from the engine's words to the wire's. */
import type { EngineParams } from '@/engine/runtime/engine-api';
import type { BranchView, ManagerView, StatementResult, XaStats, XaTransaction } from '@/engine/xa/door';

export function presentTransaction(one: XaTransaction) {
  return {
    xid: one.xid,
    id: one.id,
    state: one.state,
    coordinator_group: one.coordinator.group,
    coordinator_node: one.coordinator.node,
    decision: one.decision,
    decided_at: one.decidedAt,
    branches: one.branches.map(presentBranch),
    started_at: one.startedAt,
    started_by: one.startedBy,
    ended_at: one.endedAt,
    deadline_at: one.deadlineAt,
    reason: one.reason,
    warnings: [...one.warnings],
  };
}

function presentBranch(one: BranchView) {
  return {
    resource_manager: one.resourceManager,
    kind: one.kind,
    mode: one.mode,
    state: one.state,
    identifier: one.identifier,
    prepare_with: [...one.prepareWith],
    statements: one.statements,
    error: one.error,
    prepared_at: one.preparedAt,
    ended_at: one.endedAt,
  };
}

export function presentWork(done: {
  readonly transaction: XaTransaction;
  readonly results: readonly StatementResult[];
}) {
  return {
    ...presentTransaction(done.transaction),
    results: done.results.map((one) => ({
      resource_manager: one.resourceManager,
      columns: [...one.columns],
      rows: one.rows.map((row) => [...row]),
      row_count: one.rowCount,
      truncated: one.truncated,
    })),
  };
}

type WorkInput = readonly {
  readonly resource_manager: string;
  readonly statement: string;
  readonly parameters: readonly (string | number | boolean | null)[];
  readonly max_rows: number;
}[];

export function statementsOf(work: WorkInput): EngineParams<'xa.execute'>['work'] {
  return work.map((one) => ({
    resourceManager: one.resource_manager,
    statement: one.statement,
    parameters: one.parameters,
    maxRows: one.max_rows,
  }));
}

export function presentManager(one: ManagerView) {
  const { health } = one;
  return {
    name: one.name,
    kind: one.kind,
    host: one.host,
    port: one.port,
    database: one.database,
    user: one.user,
    tls: one.tls,
    registered_at: one.registeredAt,
    registered_by: one.registeredBy,
    health: {
      state: health.state,
      sentence: health.sentence,
      checked_at: health.checkedAt,
      version: health.version,
      round_trip_ms: health.roundTripMs,
      max_prepared: health.maxPrepared,
    },
    open_branches: one.openBranches,
  };
}

export function presentStats(stats: XaStats) {
  const { prepare, decide, commit, total } = stats.latencies;
  return {
    since: stats.since,
    started: stats.started,
    committed: stats.committed,
    rolled_back: stats.rolledBack,
    one_phase: stats.onePhase,
    heuristic: stats.heuristic,
    timed_out: stats.timedOut,
    resolved_by_janitor: stats.resolvedByJanitor,
    active: stats.active,
    prepared: stats.prepared,
    unfinished: stats.unfinished,
    latencies: { prepare, decide, commit, total },
  };
}
