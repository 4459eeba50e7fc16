/** Commands of an operation say on whose behalf they are sent, so that what an agent does can be found under the request that caused it. */
import { activeTraceparent, inSpan, type OpenSpan } from '../kernel/tracing';
import { actionOf } from './core/steps';
import type { Operation, OperationStep } from './model';
import type { ExecutorWorld } from './step-context';

export function onBehalfOf(world: ExecutorWorld, requestId: string | null): ExecutorWorld {
  return {
    store: world.store,
    snapshot: () => world.snapshot(),
    term: () => world.term(),
    loop: world.loop,
    request: (node, method, params, timeoutMs) => world.request(node, method, params, timeoutMs),
    command: (node, command, params, timeoutMs) => {
      const traceparent = activeTraceparent();
      const known = requestId !== null || traceparent !== null;
      return world.command(
        node,
        command,
        known ? { ...params, origin: { requestId, traceparent } } : params,
        timeoutMs,
      );
    },
  };
}

/** From the first entry that this controller writes until the operation has ended or another controller goes on with it. */
export function inOperationSpan(operation: Operation, work: (span: OpenSpan) => Promise<void>): Promise<void> {
  const attributes = {
    'rustydb.operation.id': operation.id,
    'rustydb.operation.kind': operation.kind,
    'rustydb.group': operation.group ?? undefined,
    'rustydb.requested_by': operation.requestedBy,
    'rustydb.request_id': operation.requestId ?? undefined,
  };
  return inSpan({ name: `operation ${operation.kind}`, parent: operation.traceparent ?? null, attributes }, work);
}

/** One attempt of one step: its journal entry and its effect. Answers why it failed, null when it did not. */
export function inStepSpan(
  step: OperationStep,
  now: () => OperationStep,
  work: () => Promise<unknown>,
): Promise<unknown> {
  const attributes = { 'rustydb.step': step.name, 'rustydb.node': step.node ?? undefined };
  return inSpan({ name: `step ${actionOf(step)}`, attributes }, async (span) => {
    const failure = await work();
    const { state, attempt, node } = now();
    span.set({ 'rustydb.step.attempt': attempt, 'rustydb.step.state': failure === null ? state : 'failed' });
    if (node) span.set({ 'rustydb.node': node });
    if (failure !== null) span.fail(failure);
    return failure;
  });
}
