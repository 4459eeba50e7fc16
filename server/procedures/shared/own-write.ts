/**
 * Read your own write: the answer to a change comes when this console's view has it, so that whoever asks next is not told the old value. Not longer
 * than the bound: somebody else may have changed it again, and the change itself is made.
 */
import type { ClusterView } from '@/engine/cluster/model';
import { isFinished, type Operation } from '@/engine/operations/model';
import type { ProcedureContext } from '../context';

/** What a short operation changed is in the view when it is told to have ended; one that ended long ago has left the view. */
export async function untilEndSeen(
  context: Pick<ProcedureContext, 'engine' | 'signal'>,
  { id, state, finishedAt }: Operation,
): Promise<void> {
  if (
    !context.engine.current().live ||
    !isFinished(state) ||
    finishedAt === null ||
    Date.now() - Date.parse(finishedAt) > endedLatelyMs
  )
    return;
  // Both times are the leader's; until its last entry was applied there the view has the operation as running.
  const ended = Date.parse(finishedAt);
  await untilSeen(context, (view) => {
    const shown = view.operations.find((one) => one.id === id);
    return shown === undefined ? Date.parse(view.at) >= ended : isFinished(shown.state);
  });
}

const endedLatelyMs = 10_000;
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
