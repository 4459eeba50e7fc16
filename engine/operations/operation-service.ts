/**
 * The door to operations: plan, start, cancel, get; idempotency keys; schedule. Invariants: what is started is the plan that was shown (or a
 * refusal that carries the new one); a repeated key never starts a second operation; a refusal names every reason.
 */
import { keys } from '../cluster/model';
import type { EmbeddedControlStore, Json } from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { NodeId, OperationId } from '../kernel/ids';
import type { Requester, StartOperation } from '../runtime/engine-api';
import { settleWithinMs } from './core/being-applied';
import { deadlineAtOf } from './core/operation-deadline';
import { scheduledAtOf } from './core/operation-kinds';
import { canonical, type Plan, planMeaning, planOperation } from './core/plan';
import type { OperationExecutor } from './executor';
import { type Claim, Superseded } from './journal';
import { isFinished, type Operation } from './model';
import type { OperationHistory } from './operation-history';
import { newOperationId, sha256 } from './operation-id';
import { type Asked, askServers, type ServersAsked } from './plan-questions';
import type { Settling } from './settling';

const idempotencyHours = 24;

export type IdempotencyRecord = {
  readonly operation: OperationId;
  readonly requestHash: string;
  readonly expiresAtMs: number;
};

type ClaimOf = (operation: OperationId) => Claim;

export type OperationServiceDependencies = ServersAsked & {
  readonly store: EmbeddedControlStore;
  readonly executor: OperationExecutor;
  readonly history: OperationHistory;
  readonly settling: Settling;
  /** A scheduled operation ended before it began. */
  endedUnbegun(operation: Operation): void;
  nowMs(): number;
  /** For ids, [0, 1). */
  random(): number;
};

export class OperationService {
  constructor(private readonly deps: OperationServiceDependencies) {}

  async plan(params: StartOperation): Promise<Operation> {
    const make = async () => this.#planned(params, await askServers(this.deps, params.request, true));
    const { plan, operation } = params.asItIs ? await make() : await this.deps.settling.planned(params.request, make);
    this.#checkGuards(params, plan);
    if (plan.refusal && (plan.refusal.code === 'NOT_FOUND' || plan.refusal.code === 'INVALID_INPUT'))
      throw refusalError(plan);
    if (plan.refusal === null) return operation;
    const { code, message, reasons } = plan.refusal;
    return { ...operation, error: { code, message, reasons } };
  }

  /** `began`: false when the idempotency key had been used: the answer is the operation it began. */
  async start(params: StartOperation): Promise<{ readonly operation: Operation; readonly began: boolean }> {
    const earlier = await this.#byKey(params);
    if (earlier.operation) return { operation: earlier.operation, began: false };
    try {
      return { operation: await this.#begin(params, earlier.claim), began: true };
    } catch (error) {
      // A request with the same key may have begun meanwhile: it holds the key and the group's lock, and both callers get its operation.
      const winner = params.idempotencyKey === null ? null : (await this.#byKey(params)).operation;
      if (winner) return { operation: winner, began: false };
      if (!(error instanceof Superseded)) throw error;
      throw new ClusterError('UNAVAILABLE', 'The controller changed while the operation was begun; ask again.');
    }
  }

  async #begin(params: StartOperation, claim: ClaimOf | null): Promise<Operation> {
    const make = async () => this.#asShown(params, await askServers(this.deps, params.request, false));
    // What is for later is planned again when it is due.
    const { plan, operation } =
      scheduledAtOf(params.request) === null ? await this.deps.settling.planned(params.request, make) : await make();
    this.#checkGuards(params, plan);
    if (params.planHash !== null && params.planHash !== operation.planHash) {
      throw new ClusterError(
        'PRECONDITION_FAILED',
        'The cluster changed since the plan was made; here is the new plan.',
        {
          clusterCode: 'CLU_PLAN_CHANGED',
          extra: { plan: operation },
        },
      );
    }
    const scheduledAt = scheduledAtOf(params.request);
    if (scheduledAt !== null && Date.parse(scheduledAt) > this.deps.nowMs()) {
      const pending: Operation = { ...operation, state: 'pending', scheduledAt };
      await this.#replace(pending, 0, claim?.(operation.id) ?? null);
      return pending;
    }
    if (plan.refusal) throw refusalError(plan);
    const deadlineAt = deadlineAtOf(params.request, this.deps.nowMs());
    return this.deps.executor.begin({ ...operation, deadlineAt, state: 'running' }, 0, claim?.(operation.id) ?? null);
  }

  /** Runs what was scheduled and is due now; planned again, because the cluster changed meanwhile. */
  async runDue(): Promise<void> {
    for (const { operation, modRevision } of this.deps.state.operations()) {
      if (operation.state !== 'pending' || this.deps.executor.isRunning(operation.id)) continue;
      if (operation.scheduledAt !== null && Date.parse(operation.scheduledAt) > this.deps.nowMs()) continue;
      const plan = planOperation(operation.request, this.deps.state.snapshot(), {
        admin: operation.requestedByAdmin === true,
        ...(await askServers(this.deps, operation.request, false)),
      });
      const dueForMs = this.deps.nowMs() - Date.parse(operation.scheduledAt ?? operation.createdAt);
      if (dueForMs < settleWithinMs && this.deps.settling.passes(plan, operation.request)) continue;
      const fields = planFields(plan, operation.request);
      if (plan.refusal) {
        const error = { code: plan.refusal.code, message: plan.refusal.message, reasons: plan.refusal.reasons };
        const finishedAt = new Date(this.deps.nowMs()).toISOString();
        const failed: Operation = {
          ...operation,
          ...fields,
          state: 'failed',
          error,
          finishedAt,
          summary: [`When it was due: ${error.message}`],
        };
        await this.#replace(failed, modRevision);
        this.deps.endedUnbegun(failed);
      } else {
        const deadlineAt = deadlineAtOf(operation.request, this.deps.nowMs());
        await this.deps.executor.begin({ ...operation, ...fields, deadlineAt, state: 'running' }, modRevision);
      }
    }
  }

  async cancel(id: OperationId, requester: Requester): Promise<Operation> {
    const found = this.deps.state.operation(id);
    if (!found) throw notFound(id);
    if (found.operation.state === 'pending') {
      const finishedAt = new Date(this.deps.nowMs()).toISOString();
      const cancelled: Operation = {
        ...found.operation,
        state: 'cancelled',
        finishedAt,
        summary: [`Cancelled by ${requester.by} before it was due.`],
      };
      await this.#replace(cancelled, found.modRevision);
      this.deps.endedUnbegun(cancelled);
      return cancelled;
    }
    if (isFinished(found.operation.state)) {
      throw new ClusterError('CONFLICT', `Operation ${id} has ended (${found.operation.state}).`);
    }
    this.deps.executor.cancel(id, requester.by);
    return found.operation;
  }

  async get(id: OperationId): Promise<Operation | null> {
    return this.deps.state.operation(id)?.operation ?? (await this.deps.history.find(id));
  }

  /** The plan with the shown hash, if any fit candidate still gives it: between equals the choice may have moved with the load. */
  #asShown(params: StartOperation, asked: Asked): { plan: Plan; operation: Operation } {
    const now = this.#planned(params, asked);
    if (params.planHash === null || now.operation.planHash === params.planHash) return now;
    for (const candidate of now.plan.candidates) {
      if (!candidate.eligible) continue;
      const other = this.#planned(params, { ...asked, prefer: candidate.node });
      if (other.operation.planHash === params.planHash) return other;
    }
    return now;
  }

  #planned(params: StartOperation, more: Asked & { readonly prefer?: NodeId }): { plan: Plan; operation: Operation } {
    const { request, requester } = params;
    const snapshot = this.deps.state.snapshot();
    const plan = planOperation(request, snapshot, {
      admin: requester.admin,
      ...more,
    });
    const nowMs = this.deps.nowMs();
    refusePast(scheduledAtOf(params.request), nowMs);
    const operation: Operation = {
      id: newOperationId(nowMs, this.deps.random),
      kind: request.kind,
      request,
      state: 'planned',
      requestedBy: requester.by,
      requestedByAdmin: requester.admin,
      reason: requester.reason,
      requestId: requester.requestId,
      ...(requester.traceparent ? { traceparent: requester.traceparent } : {}),
      createdAt: new Date(nowMs).toISOString(),
      finishedAt: null,
      scheduledAt: scheduledAtOf(params.request),
      timeline: [],
      summary: [],
      result: null,
      error: null,
      oldPrimary: plan.group === null ? null : (snapshot.groups.get(plan.group)?.record.primary ?? null),
      ...planFields(plan, request),
    };
    return { plan, operation };
  }

  #checkGuards(params: StartOperation, plan: Plan): void {
    const { expectedPrimary, expectedEpoch } = params.request;
    const record = plan.group === null ? null : this.deps.state.groupRecord(plan.group);
    if (!record) return;
    const primaryOk = expectedPrimary === undefined || expectedPrimary === record.primary;
    const epochOk = expectedEpoch === undefined || expectedEpoch === record.epoch;
    if (primaryOk && epochOk) return;
    throw new ClusterError(
      'PRECONDITION_FAILED',
      `${record.name} is served by ${record.primary} under epoch ${record.epoch}.`,
      {
        clusterCode: 'CLU_GUARD_MISMATCH',
        extra: { group: record.name, primary: record.primary, epoch: record.epoch },
        reasons: [
          ...(primaryOk ? [] : [guardReason('expected-primary', record.primary, String(expectedPrimary))]),
          ...(epochOk ? [] : [guardReason('expected-epoch', String(record.epoch), String(expectedEpoch))]),
        ],
      },
    );
  }

  /** The operation that the key began, or what has to be written with the first entry of the one that is to begin. */
  async #byKey(params: StartOperation): Promise<{ operation: Operation | null; claim: ClaimOf | null }> {
    if (params.idempotencyKey === null) return { operation: null, claim: null };
    const key = keys.idempotency(params.idempotencyKey);
    const hash = requestHash(params);
    const entry = await this.deps.store.get(key);
    const known = entry?.value as unknown as IdempotencyRecord | undefined;
    const claim = (operation: OperationId): Claim => {
      const expiresAtMs = this.deps.nowMs() + idempotencyHours * 3_600_000;
      const value: IdempotencyRecord = { operation, requestHash: hash, expiresAtMs };
      return {
        compare: { key, modRevision: entry?.modRevision ?? 0 },
        mutation: { kind: 'put', key, value: value as unknown as Json },
      };
    };
    if (!known || known.expiresAtMs <= this.deps.nowMs()) return { operation: null, claim };
    if (known.requestHash !== hash) {
      throw new ClusterError('CONFLICT', 'This idempotency key was used for another request.');
    }
    return { operation: await this.get(known.operation), claim };
  }

  async #replace(operation: Operation, modRevision: number, claim: Claim | null = null): Promise<void> {
    const key = keys.operation(operation.id);
    const result = await this.deps.store.txn({
      compare: [{ key, modRevision }, ...(claim ? [claim.compare] : [])],
      mutations: [{ kind: 'put', key, value: operation as unknown as Json }, ...(claim ? [claim.mutation] : [])],
    });
    if (!result.succeeded)
      throw new ClusterError('CONFLICT', `Operation ${operation.id} changed meanwhile; ask again.`);
  }
}

export function planFields(plan: Plan, request: Operation['request']) {
  return {
    group: plan.group,
    planHash: sha256(planMeaning(request, plan)),
    steps: plan.steps,
    checks: plan.checks,
    candidates: plan.candidates,
    expectedPauseMs: plan.expectedPauseMs,
    bytesAtRisk: plan.bytesAtRisk,
    chosen: plan.chosen,
  };
}

function refusalError(plan: Plan): ClusterError {
  const { code, message, reasons, clusterCode } = plan.refusal!;
  return new ClusterError(code, message, { reasons, ...(clusterCode === null ? {} : { clusterCode }) });
}

function requestHash(params: StartOperation): string {
  return sha256(canonical({ request: params.request, by: params.requester.by }));
}

/** How far back a scheduled time may lie: the request was on its way, or the caller's clock is a little behind. */
const scheduleToleranceMs = 5_000;

/** A time that is past was meant for another day: to run at once is the last thing that its caller expects. */
function refusePast(scheduledAt: string | null, nowMs: number): void {
  if (scheduledAt === null || Date.parse(scheduledAt) >= nowMs - scheduleToleranceMs) return;
  const now = new Date(nowMs).toISOString();
  throw new ClusterError('INVALID_INPUT', `The scheduled time ${scheduledAt} is past; it is ${now} now.`, {
    reasons: [
      {
        rule: 'scheduled-in-the-future',
        measured: scheduledAt,
        limit: now,
        remedy: 'Give a time that lies ahead, or leave it out to run at once.',
      },
    ],
  });
}

function guardReason(rule: string, measured: string | null, limit: string) {
  return { rule, measured, limit, remedy: 'Look at the group again and repeat with what is true now.' };
}

function notFound(id: OperationId): ClusterError {
  return new ClusterError('NOT_FOUND', `There is no operation ${id}.`);
}
