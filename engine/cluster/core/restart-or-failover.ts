/**
 * PostgreSQL died under a live agent that holds the lease: start it again in place, or give the lease back and fail over?
 * Invariant kept: a restart happens only under the held lease and after every process of the data directory is dead.
 */
export type CrashInput = {
  readonly holdsLease: boolean;
  /** No process of the data directory is left. */
  readonly allDead: boolean;
  /** Redo to be done ÷ measured replay speed. */
  readonly estimatedRedoMs: number;
  readonly restartBudgetMs: number;
  /** Monotonic times of earlier unexpected exits as primary, newest last. */
  readonly earlierCrashesMs: readonly number[];
  readonly nowMs: number;
  /** Somebody could take over: automatic failover is on and the record's voters may be promoted (or the mode is asynchronous) with at least one other member that answers. */
  readonly successorPossible: boolean;
  /** Attempts to start in place since the last time the server served. */
  readonly failedStarts: number;
};

export type CrashDecision =
  | { readonly kind: 'kill-rest-first'; readonly why: string }
  | { readonly kind: 'restart-in-place'; readonly why: string }
  | { readonly kind: 'fail-over'; readonly why: string }
  | { readonly kind: 'none'; readonly why: string };

/** Two crashes within this time mean that restarting does not help. */
export const crashWindowMs = 60_000;

export function restartOrFailover(input: CrashInput): CrashDecision {
  if (!input.allDead) return { kind: 'kill-rest-first', why: 'processes of the crashed server are left' };
  if (!input.holdsLease) return { kind: 'none', why: 'the lease is not held; the server starts only as a standby' };
  if (!input.successorPossible) return { kind: 'restart-in-place', why: 'nobody else may take over' };
  const recent = input.earlierCrashesMs.filter((at) => input.nowMs - at < crashWindowMs).length;
  if (recent > 0) return { kind: 'fail-over', why: `crash number ${recent + 1} within a minute` };
  if (input.failedStarts > 0) return { kind: 'fail-over', why: 'the server did not start again' };
  if (input.estimatedRedoMs > input.restartBudgetMs) {
    return {
      kind: 'fail-over',
      why: `redo would take about ${Math.round(input.estimatedRedoMs)} ms, the budget is ${input.restartBudgetMs} ms`,
    };
  }
  return { kind: 'restart-in-place', why: `redo takes about ${Math.round(input.estimatedRedoMs)} ms` };
}
