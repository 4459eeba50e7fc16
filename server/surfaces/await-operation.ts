/** For RustyDB's older, synchronous shapes: waits until the operation ends, at most 30 s, and says success only when it succeeded. */
import { ClusterError, type ErrorCode, errorTable } from '@/engine/kernel/errors';
import { isFinished, type Operation } from '@/engine/operations/model';
import { untilEndSeen } from '@/server/procedures/shared/own-write';
import type { CallContext } from './call-context';

export const waitLimitMs = 30_000;
/** The view tells changes at once; asking is for operations that left it. */
const askEveryMs = 1000;

/** Null: still running at the limit. @throws the operation's error when it failed */
export async function awaitOperation(
  context: CallContext,
  id: string,
  limitMs = waitLimitMs,
): Promise<Operation | null> {
  const deadline = performance.now() + limitMs;
  while (!context.signal.aborted) {
    const found = await look(context, id);
    if (found && isFinished(found.state)) {
      await untilEndSeen(context, found);
      return settled(found);
    }
    const left = deadline - performance.now();
    if (left <= 0) return null;
    await viewChange(context, Math.min(left, askEveryMs));
  }
  return null;
}

async function look(context: CallContext, id: string): Promise<Operation | null> {
  const known = context.engine.current().view.operations.find((one) => one.id === id);
  if (known) return known;
  return context.engine.leader('operation.get', { id }, 2000).catch(() => null);
}

function viewChange(context: CallContext, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      unsubscribe();
      context.signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, limitMs);
    const unsubscribe = context.engine.onView(done);
    context.signal.addEventListener('abort', done, { once: true });
  });
}

function settled(operation: Operation): Operation {
  if (operation.state === 'succeeded') return operation;
  const { error } = operation;
  const code: ErrorCode = error && error.code in errorTable ? (error.code as ErrorCode) : 'CONFLICT';
  throw new ClusterError(code, error?.message ?? `The operation was ${operation.state}`, {
    reasons: error?.reasons,
    extra: { operation_id: operation.id },
  });
}
