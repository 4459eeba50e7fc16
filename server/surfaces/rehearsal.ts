/**
 * The engine for trying out a call: what would start an operation gives its plan, or the very refusal that starting it would give. Invariant:
 * nothing is changed, whatever the procedure does: each of the engine's requests has a rule here, and what is not known to be harmless is none.
 */
import { ClusterError, type ErrorCode, errorTable } from '@/engine/kernel/errors';
import type { Operation } from '@/engine/operations/model';
import type { EngineParams, EngineResult, StartOperation } from '@/engine/runtime/engine-api';
import type { CurrentView, EngineClient, EventItem, LeaderMethods } from '@/server/engine-client/api';

export class RehearsalEngine implements EngineClient {
  constructor(private readonly inner: EngineClient) {}

  current(): CurrentView {
    return this.inner.current();
  }

  onView(callback: () => void): () => void {
    return this.inner.onView(callback);
  }

  eventsSince(after: string | null): readonly EventItem[] {
    return this.inner.eventsSince(after);
  }

  onEvent(callback: (item: EventItem) => void): () => void {
    return this.inner.onEvent(callback);
  }

  connectedNodes(): readonly string[] {
    return this.inner.connectedNodes();
  }

  async leader<M extends LeaderMethods>(method: M, params: EngineParams<M>, timeoutMs?: number) {
    if (method !== 'operation.start' && method !== 'operation.plan') throw notRehearsed(method);
    const plan = await this.#plan(params as StartOperation, timeoutMs);
    return plan as EngineResult<M>;
  }

  node(_node: string, method: string): Promise<never> {
    return Promise.reject(notRehearsed(method));
  }

  anyNode(method: string): Promise<never> {
    return Promise.reject(notRehearsed(method));
  }

  async #plan(start: StartOperation, timeoutMs?: number): Promise<Operation> {
    const plan = await this.inner.leader('operation.plan', start, timeoutMs);
    // What is scheduled is judged when it is due.
    if (plan.error !== null && !(plan.scheduledAt !== null && Date.parse(plan.scheduledAt) > Date.now())) {
      const { code, message, reasons } = plan.error;
      throw new ClusterError(code in errorTable ? (code as ErrorCode) : 'CONFLICT', message, { reasons });
    }
    return plan;
  }
}

function notRehearsed(method: string): Error {
  return new Error(`${method} has no place in a call that is only tried out`);
}
