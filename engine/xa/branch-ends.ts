/** How one branch is prepared, committed and rolled back; what went wrong is kept with it. */
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import type { Loop } from '../kernel/loop';
import { withTimeout } from '../kernel/waiting';
import { xaError } from './resource-manager';
import type { Branch, Transaction } from './transaction';

/** An answer is given after this though a branch has not been told yet: it will be, and the outcome stands. */
export const secondPhaseWaitMs = 5_000;
const firstRetryMs = 250;
const longestRetryMs = 30_000;

type Means = { readonly loop: Loop; readonly logger: Logger };

export async function prepareBranch(branch: Branch, loop: Loop): Promise<void> {
  const { session, manager, identifier } = branch;
  try {
    if (session === null) {
      if (!(await manager.isPrepared(identifier))) {
        const how = manager.prepareWith(identifier).join('; ');
        throw xaError('XA_RBOTHER', `the application has not prepared its branch on ${manager.name}: ${how}`);
      }
      branch.state = 'prepared';
    } else {
      branch.state = await session.prepare();
      branch.session = null;
    }
    branch.preparedAt = isoNow(loop);
  } catch (error) {
    branch.error = messageOf(error);
    throw error;
  }
}

/** `mayBePrepared`: whether it is or not, it must not stay so. A branch that can't be told is asked about by its resolver. */
export async function rollBackBranch(branch: Branch, mayBePrepared: boolean, { loop, logger }: Means): Promise<void> {
  const { session, manager, identifier } = branch;
  if (branch.state === 'read_only') return;
  try {
    if (session !== null && !session.abandoned)
      await withTimeout(loop, session.rollback(), secondPhaseWaitMs, `a rollback on ${manager.name}`);
  } catch {
    session!.abandon();
  }
  branch.session = null;
  try {
    if (mayBePrepared || session === null) await manager.finish(identifier, 'abort');
    branch.state = 'rolled_back';
    branch.endedAt = isoNow(loop);
  } catch (error) {
    branch.state = 'unknown';
    branch.error = messageOf(error);
    logger.info(
      { branch: manager.name, error: branch.error },
      'a branch was not told to roll back: its resolver will be',
    );
  }
}

/** Until it has committed, its resource manager is given up, or the coordinator stops. */
export async function tellBranch(
  transaction: Transaction,
  branch: Branch,
  { loop, logger, stopped }: Means & { readonly stopped: () => boolean },
): Promise<void> {
  if (branch.state === 'read_only' || branch.state === 'committed') return;
  const givenUp = () => branch.state === 'unknown';
  for (let wait = firstRetryMs; !stopped() && !givenUp(); wait = Math.min(wait * 2, longestRetryMs)) {
    try {
      await branch.manager.finish(branch.identifier, 'commit');
      branch.state = 'committed';
      branch.error = null;
      branch.endedAt = isoNow(loop);
      return;
    } catch (error) {
      branch.error = messageOf(error);
      transaction.reason = `${branch.manager.name} has not been told yet: ${branch.error}`;
      const what = { xid: transaction.xid, branch: branch.manager.name, error: branch.error };
      logger.warn(what, 'a branch was not told to commit yet');
    }
    await new Promise<void>((resolve) => loop.after(wait, resolve, 'background'));
  }
}

export function isoNow(loop: Loop): string {
  return new Date(loop.wallMs()).toISOString();
}
