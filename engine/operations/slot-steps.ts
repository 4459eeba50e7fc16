/** Effects on replication slots. The server itself has the last word: what changed since the plan is refused there, with its reason. */
import { ClusterError } from '../kernel/errors';
import { nodeOf } from './primary-steps';
import type { StepContext, StepOutcome } from './step-context';

const copyTimeoutMs = 10_000;

export async function createSlot(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  if (request.kind !== 'create-slot') throw new ClusterError('INTERNAL', `${request.kind} creates no slot.`);
  const node = nodeOf(context);
  const { slot } = request;
  const made = await context.world.command(
    node,
    'agent.createSlot',
    { fence: context.fence(), slot },
    context.remainingMs(),
  );
  const from = made.confirmedFlushLsn ?? made.restartLsn;
  return { detail: `${slot.name} is on ${node}${from === null ? '' : `, from ${from} on`}.`, result: made };
}

/** Copies are made by the standbys' servers. Without one the slot is there all the same, and the answer says what that means. */
export async function copySlot(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  if (request.kind !== 'create-slot') throw new ClusterError('INTERNAL', `${request.kind} copies no slot.`);
  const { name } = request.slot;
  const { yes, no } = await askStandbys(context, async (node, params, timeoutMs) => {
    const { ready } = await context.world.command(node, 'agent.copySlot', { ...params, name }, timeoutMs);
    return ready;
  });
  const without = no.length > 0 ? ` ${no.join(', ')} holds none yet; PostgreSQL goes on trying.` : '';
  const detail =
    yes.length > 0
      ? `${yes.join(', ')} ${yes.length === 1 ? 'holds' : 'hold'} a copy.${without}`
      : 'No standby holds a copy yet; PostgreSQL goes on trying.';
  return { detail, result: { ready: yes } };
}

export async function dropCopies(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  if (request.kind !== 'drop-slot') throw new ClusterError('INTERNAL', `${request.kind} drops no copies.`);
  const { no } = await askStandbys(context, async (node, params, timeoutMs) => {
    const asked = { ...params, name: request.name };
    return (await context.world.command(node, 'agent.dropSlotCopy', asked, timeoutMs)).gone;
  });
  const detail =
    no.length === 0
      ? 'No standby holds a copy any more.'
      : `${no.join(', ')} still holds a copy; PostgreSQL drops it at its next round.`;
  return { detail };
}

type Question = (
  node: string,
  params: { readonly fence: ReturnType<StepContext['fence']>; readonly timeoutMs: number },
  timeoutMs: number,
) => Promise<boolean>;

/** All standbys that run, at once; one that does not answer has said no. */
async function askStandbys(context: StepContext, ask: Question): Promise<{ yes: string[]; no: string[] }> {
  const { record } = context.group();
  const standbys = [...context.world.snapshot().nodes.values()]
    .filter((node) => node.record.group === record.name && node.record.id !== record.primary)
    .filter((node) => node.report?.postgres.state === 'standby')
    .map((node) => node.record.id);
  const timeoutMs = Math.max(0, Math.min(copyTimeoutMs, context.remainingMs() - 2_000));
  const params = { fence: context.fence(), timeoutMs };
  const said = await Promise.all(standbys.map((node) => ask(node, params, timeoutMs + 1_500).catch(() => false)));
  return { yes: standbys.filter((_node, index) => said[index]), no: standbys.filter((_node, index) => !said[index]) };
}

export async function dropSlot(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  if (request.kind !== 'drop-slot') throw new ClusterError('INTERNAL', `${request.kind} drops no slot.`);
  const node = nodeOf(context);
  const params = { fence: context.fence(), name: request.name };
  const { dropped } = await context.world.command(node, 'agent.dropSlot', params, context.remainingMs());
  return {
    detail: dropped ? `${request.name} is gone from ${node}.` : `${node} had no slot ${request.name} any more.`,
  };
}
