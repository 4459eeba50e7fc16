/**
 * Whether a group is without a primary on purpose. Known from the journal alone, so whoever leads next says the same. Invariants: it is on purpose only
 * from when an operation itself takes the primary away, while nothing of it failed and its successor is well, and no longer than its plan expected plus
 * a margin; an automatic failover never is.
 */
import type { NodeId, OperationId } from '../../kernel/ids';
import { wordOf } from '../../operations/core/operation-kinds';
import { type GroupSnapshot, isFresh, type PauseSample } from '../../operations/core/snapshot';
import { actionOf, type StepAction } from '../../operations/core/steps';
import type { Operation, OperationStep } from '../../operations/model';

/** The rule of the problem that tells of one. */
export const primaryChangingRule = 'primary-changing';

export type PlannedChange = {
  readonly operation: OperationId;
  /** `switchover`, `restart node`, … */
  readonly what: string;
  /** Who serves afterwards, as far as the plan says. */
  readonly successor: NodeId | null;
  /** Step n of m. */
  readonly step: { readonly at: number; readonly of: number } | null;
  readonly expectedMs: number | null;
  /** From the moment that the primary was taken away. */
  readonly allowedMs: number;
};

export type PlannedContext = {
  readonly atMs: number;
  readonly leaseMs: number;
  readonly pauses: readonly PauseSample[];
};

const samplesLooked = 10;
/** What takes a primary away. `restart-postgres` and `stop-postgres` do when they are about the primary itself. */
const takesAway: ReadonlySet<StepAction> = new Set(['demote', 'restart-postgres', 'stop-postgres']);
/** A stop by hand in place is no passage: nobody serves afterwards. */
const bringsBack: ReadonlySet<StepAction> = new Set(['route', 'wait-serving']);

export function plannedChange(
  operation: Operation | null,
  group: GroupSnapshot,
  context: PlannedContext,
): PlannedChange | null {
  if (operation === null || operation.state !== 'running' || isAutomatic(operation)) return null;
  if (operation.steps.some((entry) => entry.state === 'failed' || entry.state === 'compensated')) return null;
  const taken = operation.steps.find((entry) => begun(entry) && takesPrimaryAway(operation, entry));
  const returns = operation.steps.some((entry) => bringsBack.has(actionOf(entry)));
  if (taken === undefined || !returns || taken.startedAt === null) return null;
  // A journal of a leader whose clock differs: by so much the window may shift, never stay open for ever.
  const elapsedMs = Math.abs(context.atMs - Date.parse(taken.startedAt));
  const allowed = allowedMs(operation, context);
  if (elapsedMs > allowed || !successorIsWell(operation, group, context.leaseMs)) return null;
  const at = operation.steps.findIndex((entry) => entry.state === 'running');
  return {
    operation: operation.id,
    what: wordOf(operation.request),
    successor: operation.chosen ?? null,
    step: at < 0 ? null : { at: at + 1, of: operation.steps.length },
    expectedMs: operation.expectedPauseMs,
    allowedMs: allowed,
  };
}

/**
 * The margin is what past changes were slower than expected, at least one lease: a primary that is really lost is noticed no sooner than that, so an
 * alarm about a planned pause need not come before.
 */
function allowedMs(operation: Operation, { leaseMs, pauses }: PlannedContext): number {
  const expected = operation.expectedPauseMs ?? 0;
  const planned = pauses.filter((sample) => sample.kind === 'switchover');
  const own = planned.filter((sample) => sample.group === operation.group);
  const measured = (own.length > 0 ? own : planned).slice(-samplesLooked).map((sample) => sample.ms);
  return expected + Math.max(leaseMs, ...measured.map((ms) => ms - expected));
}

function isAutomatic({ request }: Operation): boolean {
  return request.kind === 'failover' && request.automatic !== undefined;
}

/** A step begun again was begun, whatever its times say now. */
function begun(entry: OperationStep): boolean {
  return entry.startedAt !== null || entry.attempt > 0;
}

function takesPrimaryAway(operation: Operation, entry: OperationStep): boolean {
  const action = actionOf(entry);
  // Without a stop the promises fence a primary that was asked to go while it served.
  if (action === 'collect-promises')
    return operation.checks.some((check) => check.rule === 'primary-is-down' && !check.ok);
  if (action === 'demote') return true;
  return takesAway.has(action) && entry.node != null && entry.node === operation.oldPrimary;
}

/** Its agent is heard and its server runs, or is the one that is being restarted. */
function successorIsWell(operation: Operation, group: GroupSnapshot, leaseMs: number): boolean {
  const chosen = group.members.find((member) => member.record.id === operation.chosen);
  if (chosen === undefined) return true;
  if (!isFresh(chosen, leaseMs)) return false;
  const { state } = chosen.report!.postgres;
  if (chosen.record.id === operation.oldPrimary) return state !== 'absent';
  return state === 'standby' || state === 'primary' || state === 'recovering';
}
