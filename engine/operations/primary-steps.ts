/** Effects on a primary before a planned change: see that the target has caught up, checkpoint, drain, demote. Until demote everything can be undone. */
import { ClusterError, isClusterError } from '../kernel/errors';
import { lagBytes } from '../kernel/lsn';
import { delay, pollUntil } from '../kernel/waiting';
import { formatBytes } from './core/snapshot';
import { awaitCopies, bringCopiesUp } from './slot-steps';
import { type DemoteResult, nodeOf, type StepContext, type StepOutcome } from './step-context';

/** Close enough that the stop ships the rest within the pause. */
const caughtUpBytes = 1_048_576;

export async function checkTarget(context: StepContext): Promise<StepOutcome> {
  const target = context.step.node;
  const primary = context.group().record.primary;
  if (!target || primary === null) throw new ClusterError('CONFLICT', 'There is no target or no primary.');
  const lag = await pollUntil(
    context.world.loop,
    () => {
      const nodes = context.world.snapshot().nodes;
      const report = nodes.get(primary)?.report?.postgres;
      const sender = report?.senders.find((entry) => entry.applicationName === target);
      const behind = lagBytes(report?.lsn ?? null, sender?.flushLsn ?? nodes.get(target)?.report?.postgres.lsn ?? null);
      const replayBehind = lagBytes(report?.lsn ?? null, sender?.replayLsn ?? null);
      return sender?.state === 'streaming' && behind !== null && Math.max(behind, replayBehind ?? 0) <= caughtUpBytes
        ? behind
        : undefined;
    },
    { timeoutMs: context.remainingMs(), intervalMs: 20, what: `${target} has caught up`, signal: context.signal },
  );
  const copies = await awaitCopies(context, primary, target);
  return { detail: `${target} is ${formatBytes(lag)} behind.${copies}`, result: { lagBytes: lag } };
}

export async function checkpoint(context: StepContext): Promise<StepOutcome> {
  await context.world.command(nodeOf(context), 'agent.checkpoint', { fence: context.fence() }, context.remainingMs());
  return { detail: 'Checkpoint done.' };
}

export async function drain(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  const asked = request.kind === 'failover' ? request.drainMs : undefined;
  const drainMs = asked ?? context.world.snapshot().config.drainMs;
  const params = { fence: context.fence(), group: context.group().record.name, draining: true };
  const until = context.world.loop.now() + drainMs;
  let sessions = 0;
  for (;;) {
    ({ sessions } = await context.world.command(nodeOf(context), 'agent.drain', params, 5_000));
    const left = until - context.world.loop.now();
    if (sessions === 0 || left <= 0) break;
    await delay(context.world.loop, Math.min(100, left), context.signal);
    if (context.signal.aborted) throw new ClusterError('UNAVAILABLE', 'The drain was stopped.');
  }
  await bringCopiesUp(context, nodeOf(context));
  const rest = sessions === 0 ? 'All sessions ended.' : `${sessions} sessions are left and end with the stop.`;
  return { detail: rest, result: { sessions } };
}

/** Best effort and idempotent: after it the router admits sessions to this primary again. */
export async function undrain(context: StepContext): Promise<void> {
  const { record } = context.group();
  if (record.primary === null) return;
  const params = { fence: context.fence(), group: record.name, draining: false };
  await context.world.command(record.primary, 'agent.drain', params, 2_000).catch(() => undefined);
}

const answerGraceMs = 500;

export async function demote(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  const { record } = context.group();
  const timeoutMs = Math.max(1_000, context.remainingMs() - 500);
  const stop = context.world.command(
    node,
    'agent.demote',
    { fence: context.fence(), group: record.name, epoch: record.epoch, drainMs: 0, timeoutMs },
    timeoutMs,
  );
  const lost = new Promise<'lease'>((resolve) => {
    if (context.primaryLost.aborted) resolve('lease');
    context.primaryLost.addEventListener('abort', () => resolve('lease'), { once: true });
  });
  const stopped = stop.then((done) => ({ done }));
  let ended = await Promise.race([stopped, lost]).catch((error: unknown) => {
    const released = context.group().record.leaseReleased || leaseIsOver(context);
    if (released) return 'lease' as const;
    throw isClusterError(error) ? error : new ClusterError('UNAVAILABLE', `${node} could not be stopped.`);
  });
  if (ended === 'lease' && context.group().record.leaseReleased) {
    // The node itself gave it back, as the last thing before it answers: the answer, with its final position, is on its way.
    const late = delay(context.world.loop, answerGraceMs).then(() => 'lease' as const);
    ended = await Promise.race([stopped, late]).catch(() => 'lease' as const);
  }
  if (ended === 'lease') {
    stop.catch(() => undefined);
    const result: DemoteResult = { shutdownLsn: null, fencedBy: 'lease' };
    return { detail: `${node} did not answer; its lease has run out, so it serves no more.`, result };
  }
  const result: DemoteResult = { shutdownLsn: ended.done.shutdownLsn, fencedBy: 'stop' };
  const { shutdownLsn, controlState } = ended.done;
  const died = `${node} died in its stop (its control file says "${controlState ?? 'unknown'}"): what it shipped is not known, so the promises of its standbys decide.`;
  return { detail: shutdownLsn === null ? died : `${node} stopped at ${shutdownLsn}; everything was shipped.`, result };
}

function leaseIsOver(context: StepContext): boolean {
  const left = context.world.store.leaseRemainingMs(context.group().record.name);
  return left !== null && left <= 0;
}
