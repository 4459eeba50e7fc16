/** A switchover of the fixture's group as its journal tells it: the demotion of node-1 is under way, node-2 takes over. */
import { type StepAction, step, switchoverSteps } from '../operations/core/steps';
import type { Operation, OperationStep } from '../operations/model';

export type Step = Partial<OperationStep> & { readonly name: string };
type Change = Partial<Operation> & { readonly step?: Step; readonly only?: readonly StepAction[] };

export function switchover(demotedAtMs: number, { step: changed, only, ...change }: Change = {}): Operation {
  const startedAt = new Date(demotedAtMs).toISOString();
  const planned = only
    ? only.map((action) => step(action, 'node-1'))
    : [...switchoverSteps('node-1', 'node-2', { drainMs: 0 }), step('rejoin')];
  const now = only ? 0 : planned.findIndex((entry) => entry.name === 'demote');
  const steps = planned.map((entry, at): OperationStep => {
    const state = at < now ? 'succeeded' : at === now ? 'running' : 'pending';
    const own = { ...entry, state, ...(at <= now ? { startedAt, attempt: 1 } : {}) } as const;
    return changed?.name === entry.name ? { ...own, ...changed } : own;
  });
  return {
    id: 'op-1',
    kind: change.request?.kind ?? 'failover',
    group: 'alpha',
    request: { kind: 'failover', group: 'alpha', mode: 'switchover' },
    state: 'running',
    requestedBy: 'dba',
    reason: null,
    requestId: null,
    createdAt: startedAt,
    finishedAt: null,
    scheduledAt: null,
    planHash: '',
    checks: [],
    candidates: [],
    expectedPauseMs: 400,
    bytesAtRisk: 0,
    timeline: [],
    summary: [],
    result: null,
    error: null,
    chosen: 'node-2',
    oldPrimary: 'node-1',
    ...change,
    steps,
  };
}
