/**
 * Whether a plan is refused only because of what is just being applied: a change of settings, of replication, of timing, a restart, a start. Whoever
 * asks right after such a change is answered when it has been applied, not told to ask again. Pure. Invariants: what would be refused anyway is
 * refused at once; and a request that repeats what is under way (two switchovers, two restarts of a node) never waits to be done a second time.
 */
import type { Operation, OperationRequest } from '../model';
import { settingsOf } from './operation-kinds';
import { type Plan, reasonsOf } from './plan-model';
import type { ClusterSnapshot, GroupSnapshot } from './snapshot';

/** Longest wait for what is being applied; after it the refusal is the answer. */
export const settleWithinMs = 15_000;
/** So long after a change members may still be on their way to it: they report once a second. */
export const settlingMs = 5_000;

/** What is so for a moment while something is applied. All else speaks against the request itself. */
const passing: ReadonlySet<string> = new Set([
  'no-operation-running',
  'agent-reachable',
  'node-answers',
  'primary-serves',
  'postgresql-is-a-standby',
  'timeline-is-ancestor',
  'is-a-voter',
  'group-is-promotable',
  'group-promotable',
  'voter-quorum',
  'enough-promises',
  'replication-lag',
  'replay-runs',
  'streaming',
  'standby-parameters',
  'follows-a-change-of-primary',
  'server-answers',
  'voters-left',
]);

/** `changedMsAgo`: since configuration, group or one of its nodes was last changed through this leader, or an operation ended; null: not lately. */
export function refusedByWhatIsApplied(
  plan: Plan,
  request: OperationRequest,
  snapshot: ClusterSnapshot,
  changedMsAgo: number | null,
): boolean {
  const group = plan.group === null ? undefined : snapshot.groups.get(plan.group);
  if (plan.refusal === null || group === undefined) return false;
  if (plan.refusal.code === 'NOT_FOUND' || !onlyPassing(plan)) return false;
  const unfinished = snapshot.operations.filter((one) => one.group === group.record.name && one.state !== 'pending');
  if (unfinished.some((one) => repeats(one, request))) return false;
  const settling = changedMsAgo !== null && changedMsAgo <= settlingMs;
  return unfinished.length > 0 || settling || isMoving(group, snapshot);
}

/** One candidate that is only on its way is enough; everything that speaks of no candidate must pass. */
function onlyPassing({ refusal, candidates }: Plan): boolean {
  const open = candidates.some(({ checks }) => {
    const reasons = reasonsOf(checks);
    return reasons.length > 0 && reasons.every(({ rule }) => passing.has(rule));
  });
  const judged = new Set(open ? candidates.map(({ node }) => node) : []);
  return (refusal?.reasons ?? []).every(
    ({ rule, node }) => passing.has(rule) || (node !== undefined && judged.has(node)),
  );
}

function repeats(running: Operation, request: OperationRequest): boolean {
  if (running.kind !== request.kind) return false;
  if (settingsOf(request) !== null) return false;
  if (!('node' in request)) return true;
  return 'node' in running.request && running.request.node === request.node;
}

/** A commit mode or a lease's length that is wished for and not in force yet. */
function isMoving({ record }: GroupSnapshot, { config }: ClusterSnapshot): boolean {
  const mode = (record.wantedMode ?? null) !== null && record.wantedMode !== record.mode;
  return mode || (record.leaseMs !== undefined && record.leaseMs !== config.leaseMs);
}
