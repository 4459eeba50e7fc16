/** The view, after each change, as an async iterable. A slow reader gets the newest view next, never a backlog. */
import type { CurrentView } from '@/server/engine-client/api';
import type { ProcedureContext } from '../context';

export async function* viewChanges(context: ProcedureContext): AsyncGenerator<CurrentView, void> {
  let changed = true;
  let wake: (() => void) | null = null;
  const unsubscribe = context.engine.onView(() => {
    changed = true;
    wake?.();
  });
  const onAbort = () => wake?.();
  context.signal.addEventListener('abort', onAbort);
  try {
    while (!context.signal.aborted) {
      if (changed) {
        changed = false;
        yield context.engine.current();
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = null;
    }
  } finally {
    unsubscribe();
    context.signal.removeEventListener('abort', onAbort);
  }
}
