/** Effects on replication slots. The server itself has the last word: what changed since the plan is refused there, with its reason. */
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { slotHoldings } from './core/slot-holdings';
import type { GroupSnapshot } from './core/snapshot';
import type { StepContext, StepOutcome } from './step-context';
import { nodeOf } from './step-context';

const copyTimeoutMs = 10_000;
/** A copy that is not ready yet is waited for so long before a planned change gives up. */
const readyTimeoutMs = 5_000;
/** How long a planned stop waits for copies to get to where the slots stand: their consumers read again what they had read beyond. */
const catchUpTimeoutMs = 1_500;
const questionTimeoutMs = 2_000;

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

/** Before the point of no return: the target holds a ready copy of each failover slot, as the plan said; else nothing is changed. */
export async function awaitCopies(context: StepContext, primary: NodeId, target: NodeId): Promise<string> {
  const { request } = context.operation;
  if (slotHoldings(groupOf(context)).names.length === 0) return '';
  const until = Math.min(readyTimeoutMs, context.remainingMs() - 500);
  const missing = async () => {
    const ask = async (node: NodeId) =>
      [node, await context.world.request(node, 'node.slots', {}, questionTimeoutMs)] as const;
    return slotHoldings(groupOf(context), new Map(await Promise.all([ask(primary), ask(target)]))).missingOn(target);
  };
  const first = await missing();
  if (first.length === 0) return ' It holds ready copies of all failover slots.';
  if (request.kind === 'failover' && request.allowSlotLoss) return ` Consumers of ${first.join(', ')} start over.`;
  const wait = { fence: context.fence(), name: first[0]!, timeoutMs: Math.max(0, until) };
  await context.world.command(target, 'agent.copySlot', wait, wait.timeoutMs + 1_000).catch(() => undefined);
  const left = await missing();
  if (left.length === 0) return ' It holds ready copies of all failover slots.';
  throw new ClusterError('CONFLICT', `${target} holds no ready copy of ${left.join(', ')}.`, {
    clusterCode: 'CLU_STANDBY_NOT_READY',
    reasons: [
      {
        rule: 'holds-slot-copies',
        node: target,
        measured: `no ready copy of ${left.join(', ')}`,
        limit: 'a ready copy of each failover slot',
        remedy: 'Wait until their consumers have moved on, or let an admin give allow_slot_loss.',
      },
    ],
  });
}

/** Right before the stop, while writes go on: consumers end, and the target's copies get to where the slots stand. Best effort: nothing is lost without it. */
export async function bringCopiesUp(context: StepContext, primary: NodeId): Promise<void> {
  const target = context.operation.chosen;
  if (!target || target === primary || slotHoldings(groupOf(context)).names.length === 0) return;
  try {
    const fence = context.fence();
    const { slots } = await context.world.command(primary, 'agent.endConsumers', { fence }, questionTimeoutMs);
    if (slots.length === 0) return;
    const params = { fence, slots, timeoutMs: catchUpTimeoutMs };
    await context.world.command(target, 'agent.catchUpSlots', params, catchUpTimeoutMs + 500);
  } catch {
    // An agent of an earlier release does not know the question.
  }
}

function groupOf(context: StepContext): GroupSnapshot {
  const { record } = context.group();
  const group = context.world.snapshot().groups.get(record.name);
  if (!group) throw new ClusterError('NOT_FOUND', `There is no group ${record.name}.`);
  return group;
}
