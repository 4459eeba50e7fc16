/**
 * The door to operations: plan, start, cancel, get; idempotency keys; schedule. Invariants: what is started is the plan that was shown (or a
 * refusal that carries the new one); a repeated key never starts a second operation; a refusal names every reason.
 */
import type { ClusterState } from '../cluster/cluster-state';
import { keys } from '../cluster/model';
import type { EmbeddedControlStore, Json } from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { NodeId, OperationId } from '../kernel/ids';
import type { NodeSlots, UnloggedTables } from '../replication/model';
import type { Requester, SettingInfo, SettingsVerdict, StartOperation } from '../runtime/engine-api';
import { settleWithinMs } from './core/being-applied';
import { deadlineAtOf } from './core/operation-deadline';
import { canonical, type Plan, type PlanContext, planMeaning, planOperation } from './core/plan';
import { shapeFaults } from './core/request-shape';
import { settingsChecks } from './core/settings-checks';
import { concernsSlots } from './core/slot-checks';
import { type GroupSnapshot, isFresh } from './core/snapshot';
import { concernsUnloggedTables } from './core/unlogged-checks';
import type { OperationExecutor } from './executor';
import { type Claim, Superseded } from './journal';
import { isFinished, type Operation, type OperationRequest } from './model';
import type { OperationHistory } from './operation-history';
import { newOperationId, sha256 } from './operation-id';
import type { Settling } from './settling';

const idempotencyHours = 24;

export type IdempotencyRecord = {
  readonly operation: OperationId;
  readonly requestHash: string;
  readonly expiresAtMs: number;
};

/** What a plan needs to know of the servers, beyond what they report. */
type Asked = Pick<PlanContext, 'knownSettings' | 'slots' | 'verdicts' | 'unlogged'>;
type ClaimOf = (operation: OperationId) => Claim;

export type OperationServiceDependencies = {
  readonly store: EmbeddedControlStore;
  readonly state: ClusterState;
  readonly executor: OperationExecutor;
  readonly history: OperationHistory;
  readonly settling: Settling;
  /** The settings that a node's server has. */
  settingsOf(node: NodeId): Promise<readonly Pick<SettingInfo, 'name' | 'context'>[]>;
  /** Whether a node's server would start with these settings. */
  checkSettings(node: NodeId, settings: Readonly<Record<string, string | null>>): Promise<SettingsVerdict>;
  /** The slots that a node's server holds. */
  slotsOf(node: NodeId): Promise<NodeSlots>;
  /** The unlogged tables that a primary holds. */
  unloggedOf(node: NodeId): Promise<readonly UnloggedTables[]>;
  /** A scheduled operation ended before it began. */
  endedUnbegun(operation: Operation): void;
  nowMs(): number;
  /** For ids, [0, 1). */
  random(): number;
};

export class OperationService {
  constructor(private readonly deps: OperationServiceDependencies) {}

  async plan(params: StartOperation): Promise<Operation> {
    const make = async () => this.#planned(params, await this.#ask(params.request, true));
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
    const make = async () => this.#asShown(params, await this.#ask(params.request, false));
    // What is for later is planned again when it is due.
    const { plan, operation } =
      scheduledAtOf(params) === null ? await this.deps.settling.planned(params.request, make) : await make();
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
    const scheduledAt = scheduledAtOf(params);
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
        ...(await this.#ask(operation.request, false)),
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

  async #ask(request: OperationRequest, preview: boolean): Promise<Asked> {
    // The plan refuses it; nobody need be asked.
    if (shapeFaults(request).length > 0) return { knownSettings: null, slots: null, verdicts: null, unlogged: null };
    const [knownSettings, slots, verdicts, unlogged] = await Promise.all([
      this.#knownSettings(request),
      this.#slots(request),
      this.#verdicts(request),
      this.#unlogged(request, preview),
    ]);
    return { knownSettings, slots, verdicts, unlogged };
  }

  /** Each member that answers tries the settings with its own binaries, without changing anything. Null: not needed. */
  async #verdicts(request: OperationRequest): Promise<ReadonlyMap<NodeId, SettingsVerdict> | null> {
    if (request.kind !== 'change-settings' && request.kind !== 'configure-replication') return null;
    const group = this.deps.state.group(request.group);
    // What may not be set at all is not tried: a trial loads libraries.
    const allowed = settingsChecks(request.settings, null).every((one) => one.ok || one.severity !== 'blocker');
    if (!group || !allowed || Object.keys(request.settings).length === 0) return null;
    const { leaseMs } = this.deps.state.config;
    const answers = await Promise.all(
      group.members
        .filter((member) => isFresh(member, leaseMs))
        .map(async ({ record }) => {
          // An agent of an earlier release does not know the question.
          const verdict = await this.deps.checkSettings(record.id, request.settings).catch(() => null);
          return verdict === null ? [] : [[record.id, verdict] as const];
        }),
    );
    return new Map(answers.flat());
  }

  /** Of every member that answers. Null: not needed. */
  async #slots(request: OperationRequest): Promise<ReadonlyMap<NodeId, NodeSlots> | null> {
    if (!concernsSlots(request)) return null;
    const group = this.#groupOf(request);
    if (!group) return null;
    const { leaseMs } = this.deps.state.config;
    const asked = group.members.filter((member) => isFresh(member, leaseMs)).map((member) => member.record.id);
    const answers = await Promise.all(
      asked.map(async (node) => [node, await this.deps.slotsOf(node).catch(() => null)] as const),
    );
    return new Map(answers.flatMap(([node, slots]) => (slots === null ? [] : [[node, slots] as const])));
  }

  /** Of the primary, if it serves and knows the question. Null: not needed, or not known. */
  async #unlogged(request: OperationRequest, preview: boolean): Promise<readonly UnloggedTables[] | null> {
    if (!concernsUnloggedTables(request, preview)) return null;
    const group = this.#groupOf(request);
    const primary = group?.members.find((member) => member.record.id === group.record.primary);
    if (!primary || ('node' in request && request.node !== primary.record.id)) return null;
    if (!isFresh(primary, this.deps.state.config.leaseMs)) return null;
    return this.deps.unloggedOf(primary.record.id).catch(() => null);
  }

  #groupOf(request: OperationRequest): GroupSnapshot | undefined {
    const snapshot = this.deps.state.snapshot();
    const name = 'group' in request ? request.group : snapshot.nodes.get(request.node)?.record.group;
    return name === undefined ? undefined : snapshot.groups.get(name);
  }

  /** Asks the group's servers one after the other, the primary first. Null: not needed, or nobody answered. */
  async #knownSettings(request: OperationRequest): Promise<ReadonlyMap<string, string> | null> {
    if (request.kind !== 'change-settings' && request.kind !== 'configure-replication') return null;
    const group = Object.keys(request.settings).length === 0 ? undefined : this.deps.state.group(request.group);
    if (!group) return null;
    const { leaseMs } = this.deps.state.config;
    const first = (member: { record: { id: NodeId } }) => (member.record.id === group.record.primary ? 0 : 1);
    const asked = group.members.filter((member) => isFresh(member, leaseMs)).sort((a, b) => first(a) - first(b));
    for (const { record } of asked.slice(0, 3)) {
      const settings = await this.deps.settingsOf(record.id).catch(() => null);
      if (settings) return new Map(settings.map((entry) => [entry.name.toLowerCase(), entry.context]));
    }
    return null;
  }

  #planned(params: StartOperation, more: Asked & { readonly prefer?: NodeId }): { plan: Plan; operation: Operation } {
    const { request, requester } = params;
    const snapshot = this.deps.state.snapshot();
    const plan = planOperation(request, snapshot, {
      admin: requester.admin,
      ...more,
    });
    const nowMs = this.deps.nowMs();
    refusePast(scheduledAtOf(params), nowMs);
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
      scheduledAt: scheduledAtOf(params),
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

function scheduledAtOf(params: StartOperation): string | null {
  return params.request.kind === 'failover' ? (params.request.scheduledAt ?? null) : null;
}

function guardReason(rule: string, measured: string | null, limit: string) {
  return { rule, measured, limit, remedy: 'Look at the group again and repeat with what is true now.' };
}

function notFound(id: OperationId): ClusterError {
  return new ClusterError('NOT_FOUND', `There is no operation ${id}.`);
}
