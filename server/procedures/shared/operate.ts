/** From a wire request to an operation: planned for a dry run, journalled otherwise. The same engine code makes the plan both times. */
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import type { Operation, OperationRequest } from '@/engine/operations/model';
import type { StartOperation } from '@/engine/runtime/engine-api';
import type { ProcedureContext } from '../context';
import { requesterOf } from './identity';
import { presentOperation } from './present-operation';
import type { WireOperation } from './wire-operation';

export type OperationInput = {
  readonly dry_run?: boolean | undefined;
  readonly plan_hash?: string | undefined;
  readonly reason?: string | undefined;
  readonly expected_primary?: string | undefined;
  readonly expected_epoch?: number | undefined;
};

/** Longer than the leader waits for what is just being applied, and asks the servers. */
const answerWithinMs = 30_000;

function startOf(context: ProcedureContext, input: OperationInput, request: OperationRequest): StartOperation {
  const requester = requesterOf(context, input.reason);
  return {
    request: withoutUndefined({
      ...request,
      expectedPrimary: input.expected_primary,
      expectedEpoch: input.expected_epoch,
    }) as OperationRequest,
    requester,
    planHash: input.plan_hash ?? null,
    // The same key of two callers is two keys.
    idempotencyKey: context.idempotencyKey === null ? null : `${requester.by}/${context.idempotencyKey}`,
  };
}

export async function planOperation(
  context: ProcedureContext,
  input: OperationInput,
  request: OperationRequest,
  options: Pick<StartOperation, 'asItIs'> = {},
): Promise<Operation> {
  return context.engine.leader('operation.plan', { ...startOf(context, input, request), ...options }, answerWithinMs);
}

export async function runOperation(
  context: ProcedureContext,
  input: OperationInput,
  request: OperationRequest,
): Promise<WireOperation> {
  const operation = input.dry_run
    ? await planOperation(context, input, request)
    : await context.engine
        .leader('operation.start', startOf(context, input, request), answerWithinMs)
        .catch((error: unknown) => Promise.reject(withWirePlan(error)));
  return presentOperation(operation);
}

/** A refusal that carries the new plan carries it in the wire's form, as the dry run would have. */
function withWirePlan(error: unknown): unknown {
  if (!isClusterError(error) || error.details.clusterCode !== 'CLU_PLAN_CHANGED') return error;
  const plan = error.details.extra?.plan as Operation | undefined;
  if (plan === undefined) return error;
  const extra = { ...error.details.extra, plan: presentOperation(plan) };
  return new ClusterError(error.code, error.message, { ...error.details, extra });
}

/** The interconnect carries JSON, where undefined does not exist; two requests that mean the same must be the same. */
function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
