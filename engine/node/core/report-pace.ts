/**
 * When a node's report goes out. What somebody may act on (state, lease, promise, troubles) goes at once; positions that only move go as often as the
 * cluster is small: a leader hears of a thousand busy nodes a thousand times a second, not four thousand.
 */
import type { PostgresState } from '../../cluster/model';

export const reportMs = 250;
/** A report that says nothing new is sent this often: liveness is the control store's business, not the report's. */
export const quietReportMs = 1_000;

/** With nothing going on PostgreSQL is asked half as often. */
export const quietLookMs = 500;
/** A standby on which nothing moves has nothing to tell but that. */
export const stillLookMs = 1_000;

export type ServerActivity = {
  /** Null: not looked at yet. */
  readonly state: PostgresState | null;
  readonly busy: boolean;
  /** Its positions moved between the last two looks. */
  readonly moves: boolean;
  /** Neither the reconcile loop nor the duties of a primary have anything left to do. */
  readonly settled: boolean;
};

/** A primary without load is asked often enough that a commit which waits is seen as early as ever. */
export function lookEveryMs({ state, busy, moves, settled }: ServerActivity): number {
  if (!settled || busy || (state !== 'primary' && state !== 'standby')) return reportMs;
  return state === 'standby' && !moves ? stillLookMs : quietLookMs;
}

export type SentReport = { readonly urgent: string; readonly progress: string; readonly atMs: number };

/** Between two reports that differ only in what moves: 250 ms up to 250 nodes, 1 ms a node beyond, 1 s at most. */
export function progressGapMs(nodes: number): number {
  return Math.min(quietReportMs, Math.max(reportMs, nodes));
}

export function isReportDue(
  last: SentReport,
  next: { readonly urgent: string; readonly progress: string },
  nowMs: number,
  nodes: number,
): boolean {
  if (next.urgent !== last.urgent) return true;
  const gapMs = next.progress === last.progress ? quietReportMs : progressGapMs(nodes);
  // Looks come every reportMs, a little early or late: half of one is near enough.
  return nowMs - last.atMs >= gapMs - reportMs / 2;
}
