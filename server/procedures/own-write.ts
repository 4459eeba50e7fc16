/**
 * Read your own write: the answer to a change comes when this console's view has it, so that whoever asks next is not told the old value. Not longer
 * than the bound: somebody else may have changed it again, and the change itself is made.
 */
import type { ClusterView } from '@/engine/cluster/model';
import type { ProcedureContext } from './context';

const seenWithinMs = 2000;

export function untilSeen(
  { engine, signal }: Pick<ProcedureContext, 'engine' | 'signal'>,
  seen: (view: ClusterView) => boolean,
  withinMs = seenWithinMs,
): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      unsubscribe();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, withinMs);
    const look = () => {
      if (seen(engine.current().view)) done();
    };
    const unsubscribe = engine.onView(look);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
    else look();
  });
}
